/** A task to be executed by any worker that knows it, ours or the Python service's. */
export interface TaskCall {
  /** `entityservice.tasks.<module>.<function>`. */
  readonly name: string;
  /** Arguments by name, as JSON values. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The id of the task, a UUID. A call with an id is queued once, however often it is sent. */
  readonly id?: string;
  /**
   * 0 (most urgent) to 9; default 0. Orders waiting tasks if workers take the tasks of all runs from one list. A queue
   * that alternates between runs may ignore it.
   */
  readonly priority?: number;
  /** Sent if the task has failed for good; receives the failed task's id as its first positional argument. */
  readonly onError?: TaskCall;
}

/** A part of a chord, after it was sent. */
export interface ChordPart {
  readonly id: string;
  readonly state: "unfinished" | "done" | "failed";
  /** Only for a part that is done. */
  readonly result: unknown;
}

/**
 * A queue of tasks for workers. Every task sent is executed at least once, even if workers die. Python workers may
 * receive the same tasks and execute a task again each time they receive it, so a call with an id is never sent twice
 * unless the first one is lost.
 */
export interface TaskQueue {
  send(call: TaskCall): Promise<void>;

  /**
   * Sends many tasks and, once all are done, a callback whose first argument is the list of their results, in order. If
   * a task fails for good, the callback's `onError` is sent instead. If the caller may have died midway, call it again
   * with the same parts in the same order: parts that were not sent before are sent, and parts that have been lost
   * since are sent again.
   *
   * @param parts 1 or more, all with the same name
   * @param id the group's id, a UUID; makes a chord that is sent twice complete once
   */
  sendChord(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    callback: TaskCall,
    id: string,
  ): Promise<void>;

  /**
   * The parts of a chord that were sent, in order; `undefined` if the queue does not know them: then the callback's
   * argument has all results.
   */
  chordParts(id: string): Promise<readonly ChordPart[] | undefined>;

  /** Forgets the failures of a chord's parts that had not failed before: then `sendChord` sends these parts again. */
  forgetFirstFailures(id: string): Promise<void>;

  /** Whether a chord's callback was not sent because a part counts as failed; `false` if the queue does not know. */
  hasChordFailed(callbackId: string): Promise<boolean>;

  /** Forgets a finished chord and the results of its parts. */
  removeChord(id: string): Promise<void>;

  /** Drops the waiting tasks of a run if the queue can. A task it cannot drop finds the run gone and ends quietly. */
  cancelRun(runId: string): Promise<void>;

  /** The number of waiting tasks; `undefined` if unknown. */
  depth(): Promise<number | undefined>;

  /** Rejects unless the queue responds. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A queue that outlives the processes that send and execute tasks, so tasks can be lost. */
export interface ClusterTaskQueue extends TaskQueue {
  /**
   * Sends a lost call again: one that is not waiting, not being executed and not done. If several callers find the same
   * loss at the same time, only one of them sends it.
   *
   * @param call must have an id
   * @param followers ids of the calls that follow it, which may also be sent again
   * @returns whether this call sent it
   */
  sendAgain(call: TaskCall, followers: readonly string[]): Promise<boolean>;

  /** The given runs and projects that have a task waiting or in execution. */
  findBusy(owners: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}

/** A task's information about its call. */
export interface TaskContext {
  /** The same for a redelivered or retried task. */
  readonly taskId: string;
  /** Stops the task within a tile of work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether a failure now would be final. */
  readonly isLastTry?: boolean;
  /** Whether the task may have been started before: it was redelivered or retried. */
  readonly isRepeat?: boolean;
}

/** Thrown by a task that cannot be executed yet: it is postponed and does not count as failed. */
export class TaskPutOff extends Error {
  override readonly name = "TaskPutOff";

  /** @param seconds until the next attempt */
  constructor(
    message: string,
    readonly seconds: number,
  ) {
    super(message);
  }
}

/** A task that workers can execute. Idempotent: safe to repeat after success or after any interruption. */
export interface TaskDefinition {
  readonly name: string;
  /** Parameter names in order, for calls that mix positional and named arguments. Optional ones end in `?`. */
  readonly parameters: readonly string[];
  /**
   * Whether positional arguments are accepted: all are passed in `parameters.args`, as with Python's `*args`, and the
   * parameters come by name only. Needed by tasks sent on errors, which get 1 or 3 of them. Default: `false`.
   */
  readonly takesPositionals?: boolean;
  /** The resource that the task uses most, if the tasks of a process share a machine. Default: not much of either. */
  readonly load?: "compute" | "memory";
  /** How often a failed task is retried, each time after 5 seconds. Default: 3. */
  readonly maxRetries?: number;
  /** Whether the result is used. Required for parts of a chord. Default: `false`. */
  readonly keepsResult?: boolean;
  run(parameters: Readonly<Record<string, unknown>>, context: TaskContext): Promise<unknown>;
}
