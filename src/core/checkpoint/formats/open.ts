/** A checkpoint file of any format that is read here, told apart by its first bytes: step_N files have no extension. */
import { StudioError } from '../../../shared/errors';
import { openFile, readBytes, type ByteSource } from '../../lib/open-file';
import { readPytorch } from './pytorch';
import { SafetensorsFile } from './safetensors';
import type { TensorFile } from './tensor-file';

/** @throws StudioError `damaged` or `bad_input` in one sentence; file system errors */
export function openTensorFile(path: string): TensorFile {
  const source = openFile(path);
  try {
    return readTensorFile(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** The same from any source, which the file then owns. */
export function readTensorFile(source: ByteSource): TensorFile {
  const head = readBytes(source, 0, Math.min(9, source.size));
  // The brace that opens a header. Its length comes before, whose bytes may be those that a ZIP archive begins with; a
  // ZIP archive has its compression method in this place, a number.
  if (head[8] === 0x7b) return SafetensorsFile.from(source);
  // A ZIP archive or a bare pickle.
  if (head[0] === 0x50 || (head[0] === 0x80 && head[1] <= 5)) return readPytorch(source);
  throw new StudioError(
    'bad_input',
    `${source.path} is neither a torch.save file nor safetensors: choose a step_N or a .safetensors file.`,
  );
}
