/**
 * Writes NumPy files piece by piece: the shape is known beforehand, the numbers pass through a few buffers, and the
 * system writes one buffer while the next is being filled.
 */
import { close, closeSync, fsync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { BYTES, named, npyHeader, type NpyType } from './npy';

const [writeAsync, fsyncAsync, closeAsync] = [promisify(write), promisify(fsync), promisify(close)];

/** Large enough that a call costs nothing beside its copy, small enough that a dozen of them are no memory to speak of. */
const BUFFER_BYTES = 2 * 2 ** 20;
const BUFFERS = 4;

export class NpyWriter {
  /** Where the piece that was reserved last may be written, with {@link start}. */
  array: Uint8Array;
  start = 0;
  private readonly fd: number;
  private readonly total: number;
  private readonly bufferBytes: number;
  private readonly free: Uint8Array[] = [];
  private made = 1;
  private used = 0;
  private written = 0;
  private position: number;
  private readonly inFlight = new Set<Promise<void>>();
  private failure: Error | null = null;

  constructor(
    readonly path: string,
    type: NpyType,
    shape: readonly number[],
    bufferBytes = BUFFER_BYTES,
  ) {
    this.total = shape.reduce((a, b) => a * b, BYTES[type]);
    this.bufferBytes = Math.max(1, Math.min(bufferBytes, this.total));
    this.array = new Uint8Array(this.bufferBytes);
    this.fd = openSync(path, 'wx');
    const header = npyHeader(type, shape);
    named(path, () => writeSync(this.fd, header, 0, header.length, 0));
    this.position = header.length;
  }

  /**
   * Makes room for `bytes`, at most a buffer's size: null if there is some, else a promise to wait for. Call before
   * {@link reserve}.
   * @throws what an earlier write failed with
   */
  ready(bytes: number): Promise<void> | null {
    if (this.failure) throw this.failure;
    if (this.used + bytes <= this.bufferBytes) return null;
    this.send();
    return this.swap() ? null : this.wait();
  }

  /** The next `bytes`, zeroed, at `array[start]`. */
  reserve(bytes: number): void {
    this.start = this.used;
    this.used += bytes;
    this.written += bytes;
    if (this.used > this.bufferBytes) throw new RangeError(`${bytes} bytes were not made ready`);
    this.array.fill(0, this.start, this.used);
  }

  /** Makes the file durable. @throws Error if fewer or more bytes were written than the shape has */
  async finish(): Promise<void> {
    this.send();
    await Promise.all(this.inFlight);
    if (this.failure) throw this.failure;
    if (this.written !== this.total) throw new Error(`${this.path}: ${this.written} of ${this.total} bytes written`);
    try {
      await fsyncAsync(this.fd);
    } catch (error) {
      throw this.withPath(error);
    }
    await closeAsync(this.fd);
  }

  /** Gives up; the file is left to whoever removes the folder. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.inFlight);
    try {
      closeSync(this.fd);
    } catch {
      // closed by finish()
    }
  }

  private async wait(): Promise<void> {
    while (!this.swap()) await Promise.race(this.inFlight);
    if (this.failure) throw this.failure;
  }

  /** Takes a buffer that is not being written. */
  private swap(): boolean {
    let next = this.free.pop();
    if (!next && this.made < BUFFERS) {
      next = new Uint8Array(this.bufferBytes);
      this.made++;
    }
    if (!next) return false;
    this.array = next;
    this.used = 0;
    return true;
  }

  private send(): void {
    if (this.used === 0) return;
    const [array, bytes, at] = [this.array, this.used, this.position];
    this.position += bytes;
    const piece: Promise<void> = this.writeWhole(array, bytes, at).then(
      () => {
        this.inFlight.delete(piece);
        this.free.push(array);
      },
      (error: unknown) => {
        this.inFlight.delete(piece);
        this.free.push(array);
        this.failure ??= this.withPath(error);
      },
    );
    this.inFlight.add(piece);
  }

  private async writeWhole(array: Uint8Array, bytes: number, at: number): Promise<void> {
    for (let done = 0; done < bytes;) {
      done += (await writeAsync(this.fd, array, done, bytes - done, at + done)).bytesWritten;
    }
  }

  /** A file-system error on an open file carries no path; people need one. */
  private withPath(error: unknown): Error {
    const fault = error as NodeJS.ErrnoException;
    if (fault.syscall) fault.path ??= this.path;
    return fault;
  }
}
