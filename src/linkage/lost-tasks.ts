import type { Database } from "./database.js";
import type { Run } from "./run.js";
import type { RunCache } from "./run-cache.js";
import {
  checkForExecutableRuns,
  createComparisonJobs,
  prerunCheck,
  removeProject,
  taskIdsOfRun,
} from "./task-calls.js";
import { taskIdOf } from "./task-id.js";
import type { ClusterTaskQueue, TaskCall } from "./task-queue.js";
import { uploadProgress } from "./upload-progress.js";

export interface LostTaskStores {
  readonly database: Pick<Database, "listDeletedProjects" | "listUnfinishedRuns" | "listDataproviders">;
  readonly cache: Pick<RunCache, "progressOf" | "runState" | "setRunState">;
  readonly tasks: Pick<ClusterTaskQueue, "findBusy" | "sendAgain">;
}

/** A run or project that should have a pending task. */
interface Subject {
  /** The id of the run or project. */
  readonly id: string;
  /** Unchanged as long as no task has made progress on it. */
  readonly trace: string;
  /** The task to send if none exists. */
  readonly call: TaskCall;
  readonly followers: readonly string[];
  /** Set if the call sends the run's comparisons. */
  readonly runId?: string;
}

/** What earlier scans found about a subject. */
interface Seen {
  readonly trace: string;
  /** Consecutive scans that found no task for it. */
  idle: number;
  /** Scans to skip before the queues are searched for it again. */
  wait: number;
  /** The number of scans skipped the last time. */
  lastWait: number;
}

/** Scans that must find a subject without a task and without progress before a task is sent. */
const MIN_IDLE = 2;
/** Maximum number of scans to skip for a subject that has a task. */
const MAX_WAIT = 32;

/**
 * Finds the runs and deleted projects whose next task is lost, and sends it again. Tasks are lost if a process dies
 * between an update of the database and sending the task, or if a Python worker dies with a task it has taken. A task
 * counts as lost only if two scans in a row find that the run has made no progress, that none of its tasks waits in a
 * queue, and that no worker holds one.
 */
export class LostTasks {
  readonly #stores: LostTaskStores;
  #seen = new Map<string, Seen>();

  constructor(stores: LostTaskStores) {
    this.#stores = stores;
  }

  /**
   * Scans once; to be called every few seconds.
   *
   * @returns the names of the tasks sent
   */
  async look(): Promise<string[]> {
    const { tasks } = this.#stores;
    const subjects = await this.#subjects();
    const before = this.#seen;
    this.#seen = new Map();
    const still: Subject[] = [];
    for (const subject of subjects) {
      const { id, trace } = subject;
      const seen = before.get(id);
      if (seen?.trace !== trace) {
        this.#seen.set(id, { trace, idle: 0, wait: 0, lastWait: 0 });
        continue;
      }
      this.#seen.set(id, seen);
      if (seen.wait > 0) seen.wait--;
      else still.push(subject);
    }
    const busy = await tasks.findBusy(new Set(still.map(({ id }) => id)));
    const sent: string[] = [];
    for (const subject of still) {
      const seen = this.#seen.get(subject.id)!;
      if (busy.has(subject.id)) {
        seen.idle = 0;
        seen.lastWait = Math.min(MAX_WAIT, 2 * seen.lastWait + 1);
        seen.wait = seen.lastWait;
      } else if (++seen.idle >= MIN_IDLE) {
        if (await this.#send(subject)) sent.push(subject.call.name);
        this.#seen.delete(subject.id);
      }
    }
    return sent;
  }

  async #send({ call, followers, runId }: Subject): Promise<boolean> {
    const { cache, tasks } = this.#stores;
    // Workers ignore a run that is not in the cache, for example after the cache has lost its data.
    if (runId !== undefined && (await cache.runState(runId)) === undefined) {
      await cache.setRunState(runId, "active");
    }
    return tasks.sendAgain(call, followers);
  }

  async #subjects(): Promise<Subject[]> {
    const { database } = this.#stores;
    const subjects: Subject[] = (await database.listDeletedProjects()).map((id) => ({
      id,
      trace: "deleted",
      call: removeProject(id),
      followers: [],
    }));
    const runs = await database.listUnfinishedRuns();
    const created = new Set(
      runs.filter(({ state }) => state === "created").map(({ projectId }) => projectId),
    );
    for (const id of created) {
      const { isComplete, hasError } = uploadProgress(await database.listDataproviders(id));
      if (!isComplete || hasError) continue;
      const call = checkForExecutableRuns(id);
      subjects.push({ id, trace: "created", call: { ...call, id: taskIdOf(id, call.name) }, followers: [] });
    }
    for (const run of runs) if (run.state !== "created") subjects.push(await this.#subjectOf(run));
    return subjects;
  }

  async #subjectOf({ projectId, runId, state, stage }: Run): Promise<Subject> {
    const isRunning = state === "running";
    const progress = isRunning ? await this.#stores.cache.progressOf(runId) : undefined;
    const trace = [state, stage, progress?.comparisons, progress?.candidates].join();
    const call = isRunning ? createComparisonJobs(projectId, runId) : prerunCheck(projectId, runId);
    const followers = taskIdsOfRun(runId);
    return { id: runId, trace, call, followers, ...(isRunning ? { runId } : {}) };
  }
}
