/**
 * What a model said of every example, as one safetensors file that can be larger than memory: the header is written
 * first, then each batch into its place. The names are the reference's, and `trm eval --predictions` reads it back.
 */
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from '../lib/folders';
import { StudioError } from '../../shared/errors';
import type { SavedOutput } from '../../shared/evaluation';
import type { Batch } from '../data/batch';
import { encodeShapes, type TensorData, type TensorShape } from '../checkpoint/formats/safetensors';
import { column } from '../act/step-metrics';
import type { ActStep } from '../act/batch';

interface Place {
  offset: number;
  /** Bytes of one example. */
  width: number;
}

export class OutputsFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly places: ReadonlyMap<string, Place>,
  ) {}

  private static readonly partial = (path: string): string => `${path}.partial`;

  /**
   * @param N examples, of S cells and V tokens
   * @param resume goes on with the file that is there, half written or whole
   * @throws StudioError `damaged` if it is to go on and there is none
   */
  static async open(
    path: string,
    outputs: readonly SavedOutput[],
    { N, S, V }: { N: number; S: number; V: number },
    resume: boolean,
  ): Promise<OutputsFile> {
    const shapes: [name: string, dtype: 'I32' | 'F32', shape: number[]][] = [
      ['inputs', 'I32', [N, S]],
      ['puzzle_identifiers', 'I32', [N]],
    ];
    if (outputs.includes('preds')) shapes.push(['preds', 'I32', [N, S]]);
    if (outputs.includes('logits')) shapes.push(['logits', 'F32', [N, S, V]]);
    for (const name of ['q_halt_logits', 'q_continue_logits'] as const) {
      if (outputs.includes(name)) shapes.push([name, 'F32', [N]]);
    }
    const described = shapes.map(([name, dtype, shape]): [string, TensorShape] => [
      name,
      { dtype, shape, bytes: shape.reduce((a, b) => a * b, 4) },
    ]);
    const header = encodeShapes(new Map(described), { format: 'trm-studio-outputs' });
    const places = new Map<string, Place>();
    let offset = header.byteLength;
    for (const [name, { shape, bytes }] of described) {
      places.set(name, { offset, width: shape.slice(1).reduce((a, b) => a * b, 4) });
      offset += bytes;
    }
    makeFolders(dirname(path));
    if (resume) return new OutputsFile(path, await reopen(path, OutputsFile.partial(path)), places);
    const file = await open(OutputsFile.partial(path), 'w+');
    await file.write(header, 0, header.byteLength, 0);
    await file.truncate(offset);
    return new OutputsFile(path, file, places);
  }

  /** @param first the number of the batch's first example @param identifiers the dataset's, [B] */
  async write(first: number, batch: Batch, identifiers: Int32Array, last: ActStep): Promise<void> {
    const { filled } = batch;
    const put = async (name: string, data: TensorData): Promise<void> => {
      const place = this.places.get(name);
      if (!place) return;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, filled * place.width);
      for (let done = 0; done < bytes.byteLength;) {
        const position = place.offset + first * place.width + done;
        done += (await this.file.write(bytes, done, bytes.byteLength - done, position)).bytesWritten;
      }
    };
    await put('inputs', batch.inputs);
    await put('puzzle_identifiers', identifiers);
    await put('preds', last.tokens);
    if (last.logits) await put('logits', last.logits);
    await put('q_halt_logits', last.q_halt);
    await put('q_continue_logits', column(last.rows, 'q_continue'));
  }

  /** On the disk when this resolves. */
  sync(): Promise<void> {
    return this.file.sync();
  }

  async finish(): Promise<void> {
    await this.file.sync();
    await this.file.close();
    await rename(OutputsFile.partial(this.path), this.path);
  }

  async close(): Promise<void> {
    await this.file.close().catch(() => undefined);
  }
}

/** An evaluation that was killed after its last batch, before its report, has a whole file and progress that lies behind it. */
async function reopen(path: string, partial: string): Promise<FileHandle> {
  const absent = (error: NodeJS.ErrnoException): null => {
    if (error.code === 'ENOENT') return null;
    throw error;
  };
  const file = await open(partial, 'r+').catch(absent);
  if (file) return file;
  await rename(path, partial).catch(absent);
  const whole = await open(partial, 'r+').catch(absent);
  if (whole) return whole;
  throw new StudioError(
    'damaged',
    `${path} is gone, but the evaluation is half done: evaluate again in another folder.`,
  );
}
