import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { explainWriteError, isSpecialFile, targetOf } from "./output-file.js";

/** Pieces of a result, produced while they are written: the text of a result is never in memory as a whole. */
export type Output = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * Writes a result to a file or, without one, to standard output. The result is written to a temporary file in the same
 * folder, which replaces the file once it is complete and is removed on failure. Devices and pipes are written to
 * directly. If a reader closes the pipe early, writing stops. An abort rejects with the signal's reason.
 */
export async function writeOutput(
  output: Output,
  file: string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  try {
    await (file === undefined ? writeToStdout(output, signal) : writeToFile(output, file, signal));
  } catch (error) {
    signal?.throwIfAborted(); // with its reason: the pipeline's error only says that it was aborted
    throw explainWriteError(error, file);
  }
}

async function writeToStdout(output: Output, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pipeline(readable(output), process.stdout, { end: false, ...(signal && { signal }) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

async function writeToFile(output: Output, file: string, signal: AbortSignal | undefined): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  if (await isSpecialFile(file)) return pipeline(readable(output), createWriteStream(file), options);
  const target = await targetOf(file);
  const draft = `${target}.${randomBytes(6).toString("hex")}.part`;
  try {
    await pipeline(readable(output), createWriteStream(draft, { flags: "wx" }), options);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function readable(output: Output): Readable {
  return Readable.from(output, { objectMode: true });
}
