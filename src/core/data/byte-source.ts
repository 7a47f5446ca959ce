/** Bytes by offset, whether they lie in a file or in memory. */
import { open } from 'node:fs/promises';

export interface ByteSource {
  readonly size: number;
  /** `length` bytes; fewer only where the source ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export function memorySource(content: Uint8Array): ByteSource {
  return {
    size: content.byteLength,
    read: (offset, length) => Promise.resolve(content.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
}

/** @throws errors of the file system */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return {
      size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        let at = 0;
        while (at < bytes.length) {
          const { bytesRead } = await handle.read(bytes, at, bytes.length - at, offset + at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
        return bytes.subarray(0, at);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
