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

/** A file that is to be merged from others. */
interface MergedFile extends ScoreFile {
  readonly sources: readonly (ScoreFile | MergedFile)[];
}

/** Files that are read at the same time. */
const MOST_SOURCES = 64;

/**
 * Merges candidate files to one, which holds equal pairs once; none give an empty one. Where they are many, the smallest
 * are merged first, in rounds, and what was merged in them is removed. What is merged with what follows from the files
 * alone, so a call that was broken off anywhere goes on with what is there. Memory: about 50 MiB, and a part of the file
 * that is written.
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
  const sources = planRounds(runId, files, mostSources);
  await merge(objects, { name, sources }, signal);
  await objects.remove(sources.filter(isMerged).map((file) => file.name));
}

/** The files to merge last: given ones, and those that rounds make of others. */
function planRounds(
  runId: string,
  files: readonly ScoreFile[],
  mostSources: number,
): (ScoreFile | MergedFile)[] {
  let open: (ScoreFile | MergedFile)[] = [...files].sort(bySize);
  while (open.length > mostSources) {
    // The first round takes so many that each later one, and the last, is full.
    const excess = (open.length - 1) % (mostSources - 1);
    const sources = open.splice(0, excess === 0 ? mostSources : excess + 1);
    const key = `merge ${sources.map((file) => file.name).join()}`;
    open.push({
      name: candidateFileName(runId, taskIdOf(runId, key)),
      byteLength: sources.reduce((sum, { byteLength }) => sum + byteLength, 0), // at most
      sources,
    });
    open = open.sort(bySize);
  }
  return open;
}

function isMerged(file: ScoreFile | MergedFile): file is MergedFile {
  return "sources" in file;
}

/** Writes a file, unless it is there, and first those of its sources that are merged themselves. */
async function merge(
  objects: Objects,
  { name, sources }: Pick<MergedFile, "name" | "sources">,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await objects.byteLengthOf(name)) !== undefined) return;
  for (const source of sources) {
    if (!isMerged(source)) continue;
    await merge(objects, source, signal);
    await objects.remove(source.sources.map((file) => file.name)); // only now: until then they are needed again
  }
  const contents = sources.map((file) => objects.get(file.name, undefined, signal));
  await objects.putStream(name, writeCandidateFile(mergeCandidateFiles(contents)), signal);
}

function bySize(a: ScoreFile, b: ScoreFile): number {
  return a.byteLength - b.byteLength || (a.name < b.name ? -1 : 1);
}
