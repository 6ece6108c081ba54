import type { Database } from "./database.js";
import { checkForExecutableRuns, prerunCheck, removeProject } from "./task-calls.js";
import type { TaskQueue } from "./task-queue.js";

export interface ResendTasksStores {
  readonly database: Pick<Database, "listDeletedProjects" | "listUnfinishedRuns">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** What was found, in numbers. */
export interface ResentTasks {
  readonly deletedProjects: number;
  /** Projects with runs that wait for their start. */
  readonly waitingProjects: number;
  readonly queuedRuns: number;
}

/**
 * Sends again what a process may have noted in the database and then, as it was killed, not sent: the removal of deleted
 * projects, and the start of runs. Where the task was sent after all, the second one changes nothing.
 */
export async function resendTasks({ database, tasks }: ResendTasksStores): Promise<ResentTasks> {
  const deleted = await database.listDeletedProjects();
  for (const projectId of deleted) await tasks.send(removeProject(projectId));

  const runs = await database.listUnfinishedRuns();
  const queued = runs.filter(({ state }) => state === "queued");
  for (const { projectId, runId } of queued) await tasks.send(prerunCheck(projectId, runId));
  const created = runs.filter(({ state }) => state === "created");
  const waiting = new Set(created.map(({ projectId }) => projectId));
  for (const projectId of waiting) await tasks.send(checkForExecutableRuns(projectId));
  return { deletedProjects: deleted.length, waitingProjects: waiting.size, queuedRuns: queued.length };
}
