import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ServiceError } from "../errors.js";

/**
 * A temporary file for data that does not fit in memory. It is unlinked as soon as it is open, so that it disappears
 * with the process, however that ends.
 */
export class SpillFile {
  /** Bytes written so far. */
  byteLength = 0;

  private constructor(private readonly file: FileHandle) {}

  /** @param folder where the file takes up space; it must exist */
  static async open(folder: string): Promise<SpillFile> {
    const path = join(folder, `blocks-${randomUUID()}.tmp`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new SpillFile(file);
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, from, bytes.length - from, this.byteLength);
      from += bytesWritten;
      this.byteLength += bytesWritten;
    }
  }

  /** Fills `target[0 … length)` from `position` on. */
  async read(target: Uint8Array, length: number, position: number): Promise<void> {
    for (let from = 0; from < length; ) {
      const { bytesRead } = await this.file.read(target, from, length - from, position + from);
      if (bytesRead === 0) {
        const message = `A temporary file has ${position + from} bytes instead of ${position + length}.`;
        throw new ServiceError("store-failed", message);
      }
      from += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
