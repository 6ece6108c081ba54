import { writeCandidateFile } from "../core/candidate-file.js";
import { mergeCandidateFiles } from "../core/candidates/merge-candidate-files.js";
import { candidateFileName } from "../linkage/candidate-file-names.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { taskIdOf } from "../linkage/task-id.js";

/** A candidate file in the object store, with one pair or more. */
export interface ScoreFile {
  readonly name: string;
  readonly byteLength: number;
}

type Objects = Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "remove">;

/** Files that are read at the same time. */
const MOST_SOURCES = 64;

/**
 * Merges candidate files to one, which holds equal pairs once; none give an empty one. Where they are many, the smallest
 * are merged first, in rounds, and what was merged is removed; a call that was broken off goes on with what is there.
 * Memory: about 50 MiB, and a part of the file that is written.
 *
 * @param files also names that do not follow from the run's id, as Python's; they are left, but for rounds
 * @param name of the merged file
 * @throws ServiceError `missing-object` if another call has removed a file meanwhile: the next try finds what came of it
 */
export async function mergeScoreFiles(
  objects: Objects,
  runId: string,
  files: readonly ScoreFile[],
  name: string,
  signal?: AbortSignal,
  mostSources = MOST_SOURCES,
): Promise<void> {
  let open = [...files].sort(bySize);
  while (open.length > mostSources) {
    // The first round takes so many that each later one, and the last, is full.
    const excess = (open.length - 1) % (mostSources - 1);
    const smallest = open.splice(0, excess === 0 ? mostSources : excess + 1);
    const merged = candidateFileName(
      runId,
      taskIdOf(runId, `merge ${smallest.map((file) => file.name).join()}`),
    );
    if ((await objects.byteLengthOf(merged)) === undefined) await merge(objects, smallest, merged, signal);
    await objects.remove(smallest.map((file) => file.name));
    open.push({ name: merged, byteLength: (await objects.byteLengthOf(merged)) ?? 0 });
    open = open.sort(bySize);
  }
  await merge(objects, open, name, signal);
}

async function merge(
  objects: Objects,
  files: readonly ScoreFile[],
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sources = files.map((file) => objects.get(file.name, undefined, signal));
  await objects.putStream(name, writeCandidateFile(mergeCandidateFiles(sources)), signal);
}

function bySize(a: ScoreFile, b: ScoreFile): number {
  return a.byteLength - b.byteLength || (a.name < b.name ? -1 : 1);
}
