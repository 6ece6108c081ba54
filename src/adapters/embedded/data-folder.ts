import { closeSync, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { tryLock } from "fs-native-extensions";
import { ServiceError } from "../../linkage/errors.js";

/** Its content is irrelevant, and it is never removed: only the lock on it counts. */
const LOCK_FILE = "lock";

/** A folder with all of one service's data. */
export class DataFolder {
  readonly path: string;
  /** A bare descriptor: an unreferenced file handle would be closed, and the lock lost. */
  #lock: number | undefined;

  private constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Creates the folder if it is missing, and locks it until it is closed or the process ends, in whatever way: the lock
   * is the operating system's.
   *
   * @throws ServiceError `store-failed` if another process, or another part of this one, has it open
   */
  static async open(folder: string): Promise<DataFolder> {
    const path = resolve(folder);
    await mkdir(path, { recursive: true, mode: 0o700 });
    const lock = openSync(join(path, LOCK_FILE), "a", 0o600);
    let isLocked = false;
    try {
      isLocked = tryLock(lock);
    } finally {
      if (!isLocked) closeSync(lock);
    }
    if (isLocked) return new DataFolder(path, lock);
    throw new ServiceError("store-failed", `The data folder ${path} is already in use by another service.`);
  }

  close(): void {
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = undefined;
  }
}
