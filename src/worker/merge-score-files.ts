import { writeCandidateFile } from "../core/candidate-file.js";
import { mergeCandidateFiles } from "../core/candidates/merge-candidate-files.js";
import { candidateFileName } from "../linkage/candidate-file-names.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { taskIdOf } from "../linkage/task-id.js";

/** A candidate file in the object store, with at least one pair. */
export interface ScoreFile {
  readonly name: string;
  readonly byteLength: number;
}

type Objects = Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "remove">;

/** A file to be merged from others. */
interface MergedFile extends ScoreFile {
  readonly sources: readonly (ScoreFile | MergedFile)[];
}

/** Files read at the same time. */
const MAX_SOURCES = 64;

/**
 * Merges candidate files into one, in which equal pairs occur once; without files it is empty. If there are many files,
 * the smallest are merged first, in rounds, and the files merged in rounds are removed. The plan follows from the files
 * alone, so a call that was interrupted anywhere can be repeated and continues from there. Memory: about 50 MiB, and
 * one part of the file that is written.
 *
 * @param files their names need not derive from the run's id, as Python's do not; they are kept, unless merged in a
 *   round
 * @param name of the merged file
 * @throws ServiceError `missing-object` if another call has removed a file meanwhile; a retry finds that call's result
 */
export async function mergeScoreFiles(
  objects: Objects,
  runId: string,
  files: readonly ScoreFile[],
  name: string,
  signal?: AbortSignal,
  maxSources = MAX_SOURCES,
): Promise<void> {
  const sources = planRounds(runId, files, maxSources);
  await merge(objects, { name, sources }, signal);
  await objects.remove(sources.filter(isMerged).map((file) => file.name));
}

/** Returns the files to merge last: given ones, and those merged from others in rounds. */
function planRounds(
  runId: string,
  files: readonly ScoreFile[],
  maxSources: number,
): (ScoreFile | MergedFile)[] {
  let open: (ScoreFile | MergedFile)[] = [...files].sort(bySize);
  while (open.length > maxSources) {
    // The first round is sized so that each later one, and the last, is full.
    const excess = (open.length - 1) % (maxSources - 1);
    const sources = open.splice(0, excess === 0 ? maxSources : excess + 1);
    const key = `merge ${sources.map((file) => file.name).join()}`;
    open.push({
      name: candidateFileName(runId, taskIdOf(runId, key)),
      byteLength: sources.reduce((sum, { byteLength }) => sum + byteLength, 0), // an upper bound
      sources,
    });
    open = open.sort(bySize);
  }
  return open;
}

function isMerged(file: ScoreFile | MergedFile): file is MergedFile {
  return "sources" in file;
}

/** Writes a file, unless it exists, after those of its sources that are merged files themselves. */
async function merge(
  objects: Objects,
  { name, sources }: Pick<MergedFile, "name" | "sources">,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await objects.byteLengthOf(name)) !== undefined) return;
  for (const source of sources) {
    if (!isMerged(source)) continue;
    await merge(objects, source, signal);
    await objects.remove(source.sources.map((file) => file.name)); // only now: a retry would need them until here
  }
  const contents = sources.map((file) => objects.get(file.name, undefined, signal));
  await objects.putStream(name, writeCandidateFile(mergeCandidateFiles(contents)), signal);
}

function bySize(a: ScoreFile, b: ScoreFile): number {
  return a.byteLength - b.byteLength || (a.name < b.name ? -1 : 1);
}
