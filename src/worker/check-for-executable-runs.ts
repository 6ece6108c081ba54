import type { Database } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import type { Dataprovider, Project } from "../linkage/project.js";
import type { RunCache } from "../linkage/run-cache.js";
import { prerunCheck, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { findSizeProblem, schemaEncodingSize } from "../linkage/uploads/encoding-size.js";
import { readText } from "./task-parameters.js";

export interface CheckForExecutableRunsStores {
  readonly database: Pick<
    Database,
    | "findProject"
    | "listDataproviders"
    | "settleEncodingSize"
    | "findUpload"
    | "failUpload"
    | "failRunsOfProject"
    | "queueRuns"
    | "listRuns"
  >;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
  readonly cache: Pick<RunCache, "clearProgress">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** Bytes in an encoding, at least and at most. */
export type EncodingSizeLimits = Parameters<typeof findSizeProblem>[2];

/**
 * Makes the task that starts the runs of a project once the encodings of all parties are there and fit together; where they
 * do not, the uploads and the runs are in error, and what was stored of those uploads is removed. It may be sent at any time, and more than once.
 */
export function checkForExecutableRuns(
  { database, encodings, cache, tasks }: CheckForExecutableRunsStores,
  limits: EncodingSizeLimits,
): TaskDefinition {
  return { name: TASK_NAMES.checkForExecutableRuns, parameters: ["project_id", "parent_span?"], run };

  async function run(parameters: Readonly<Record<string, unknown>>): Promise<void> {
    const projectId = readText(parameters, "project_id");
    const project = await database.findProject(projectId);
    const parties = await database.listDataproviders(projectId);
    if (project === undefined || parties.length === 0 || !parties.every(isReady)) return;

    const wanted =
      project.encodingSize ?? schemaEncodingSize(project.schema) ?? parties[0]!.upload!.encodingSize ?? 0;
    if (!(await doAllFit(project, parties, wanted))) return;
    const settled = await database.settleEncodingSize(projectId, wanted);
    if (settled === undefined) return; // deleted just now
    if (settled !== wanted && !(await doAllFit(project, parties, settled))) return;

    for (const runId of await database.queueRuns(projectId)) await cache.clearProgress(runId);
    // Those that were queued before too: the task that queued them may have ended before it sent anything.
    for (const { runId, state } of await database.listRuns(projectId)) {
      if (state === "queued") await tasks.send(prerunCheck(projectId, runId));
    }
  }

  /** Whether all uploads have encodings of so many bytes; where they do not, they and the runs are in error. */
  async function doAllFit(
    { projectId, schema }: Project,
    parties: readonly Dataprovider[],
    encodingSize: number,
  ): Promise<boolean> {
    let message: string | undefined;
    for (const { id, index, upload } of parties) {
      const problem = findSizeProblem(upload?.encodingSize ?? 0, { schema, encodingSize }, limits);
      if (problem === undefined) continue;
      await refuse(id, upload!.receiptToken);
      message ??= `The encodings of party ${index} cannot be used: expected ${problem.expected}, got ${problem.received}.`;
    }
    if (message !== undefined) await database.failRunsOfProject(projectId, message);
    return message === undefined;
  }

  async function refuse(dataproviderId: number, receiptToken: string): Promise<void> {
    // Removed first: while the upload is ready nobody else may upload, and a task that dies in between is done again.
    const upload = await database.findUpload(dataproviderId);
    if (upload?.receiptToken !== receiptToken || upload.state !== "ready") return; // another task was first
    await encodings.remove(dataproviderId, receiptToken);
    await database.failUpload(dataproviderId, receiptToken);
  }
}

function isReady({ state, upload }: Dataprovider): boolean {
  return state === "done" && upload?.state === "ready";
}
