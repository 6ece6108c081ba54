import { constants, type Stats } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "./usage-error.js";

/**
 * Checks in advance whether a result can be written to a file, and that it would not overwrite an input, under any
 * name.
 *
 * @throws UsageError
 */
export async function checkOutputFile(file: string, filesRead: readonly string[]): Promise<void> {
  const existing = await statOf(file);
  if (existing?.isDirectory()) throw new UsageError(`--out ${file} is a folder, not a file.`);
  if (existing?.isFile()) {
    for (const input of filesRead) {
      const read = await statOf(input);
      if (read?.dev === existing.dev && read.ino === existing.ino) {
        throw new UsageError(`--out ${file} must not be one of the inputs.`);
      }
    }
  }
  try {
    const target = existing === undefined || existing.isFile() ? dirname(await targetOf(file)) : file;
    await access(target, constants.W_OK);
  } catch (error) {
    throw explainWriteError(error, file);
  }
}

/** The file that a rename should replace: for a symbolic link, its target. */
export async function targetOf(file: string): Promise<string> {
  return (await statOf(file)) === undefined ? file : realpath(file);
}

/** Whether it must not be replaced by a rename: a device, a pipe or a socket. */
export async function isSpecialFile(file: string): Promise<boolean> {
  return (await statOf(file))?.isFile() === false;
}

/** Converts the system's errors to one sentence; other errors are returned unchanged. */
export function explainWriteError(error: unknown, file: string | undefined): unknown {
  const name = file ?? "standard output";
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new UsageError(`Cannot write to ${name}: its folder does not exist.`);
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "EISDIR":
      return new UsageError(`Cannot write to ${name}: access is denied.`);
    case "ENOSPC":
    case "EDQUOT":
      return new UsageError(`Cannot write to ${name}: the disk is full.`);
    default:
      return error;
  }
}

async function statOf(file: string): Promise<Stats | undefined> {
  return stat(file).catch(() => undefined);
}
