import type { Access } from "./authorize.js";
import type { Database } from "./database.js";
import { ServiceError } from "./errors.js";
import type { Run } from "./run.js";

/** The result of a run, as far as the caller may see it. JSON is passed as strings, because it may be long. */
export type RunResult =
  /** `file` is the name of a candidate file in the object store. */
  | { readonly kind: "similarity_scores"; readonly file: string }
  /** A list of groups; a group is a list of `[party index, record index]`. */
  | { readonly kind: "groups"; readonly json: string }
  /** A list of zeros and ones. */
  | { readonly kind: "mask"; readonly json: string }
  /** The new position of each of the party's records; only the first `rows` positions count. */
  | { readonly kind: "permutation"; readonly json: string; readonly rows: number };

/**
 * Finds the result of a run.
 *
 * @param access of a result token, or of a receipt token if the project produces permutations
 * @throws ServiceError `not-ready` until the run has finished, `run-failed` if it has failed
 */
export async function readResult(
  database: Pick<Database, "findSimilarityScores" | "findGroups" | "findMask" | "findPermutation">,
  { project, parties, party }: Access,
  { runId, state }: Run,
): Promise<RunResult> {
  if (state === "error") throw new ServiceError("run-failed", "The run has failed; its status says why.");
  if (state !== "completed") {
    throw new ServiceError("not-ready", `There is no result yet: the run is ${state}.`);
  }
  switch (project.resultType) {
    case "similarity_scores":
      return { kind: "similarity_scores", file: found(await database.findSimilarityScores(runId)) };
    case "groups":
      return { kind: "groups", json: found(await database.findGroups(runId)) };
    case "permutations": {
      if (party === undefined) return { kind: "mask", json: found(await database.findMask(runId)) };
      const json = found(await database.findPermutation(runId, party.id));
      // The length of the mask: the record count of the smallest upload.
      const rows = Math.min(...parties.map(({ upload }) => upload?.recordCount ?? 0));
      return { kind: "permutation", json, rows };
    }
  }
}

function found(value: string | undefined): string {
  if (value === undefined) throw new ServiceError("store-failed", "A completed run has no result.");
  return value;
}
