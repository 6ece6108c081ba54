/** A task to be done: by any worker that knows it, of ours or of the Python service. */
export interface TaskCall {
  /** `entityservice.tasks.<module>.<function>`. */
  readonly name: string;
  /** Arguments by name, as JSON has them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The task's id: a UUID. Who sends a task twice under one id has it done once or twice, to the same effect. */
  readonly id?: string | undefined;
  /**
   * 0 to 9, the most urgent first; default 0. It orders what waits, where workers take the tasks of all runs from one
   * list; a queue whose runs take turns need not look at it.
   */
  readonly priority?: number | undefined;
  /** Sent when the task has failed for good; it gets the failed task's id as its first positional argument. */
  readonly onError?: TaskCall | undefined;
}

/** Where tasks wait for workers. What was sent is done at least once, also when workers die. */
export interface TaskQueue {
  send(call: TaskCall): Promise<void>;

  /**
   * Sends many tasks, and, once all are done, one that gets the list of their results, in their order, as its first
   * argument. If one fails for good, the callback's `onError` is sent instead.
   *
   * @param parts 1 or more; all of one name
   * @param id the group's id: a UUID, so that a chord that is sent twice is completed once
   */
  sendChord(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    callback: TaskCall,
    id: string,
  ): Promise<void>;

  /** Drops what waits for a run, where the queue can; what it cannot drop finds the run gone and ends quietly. */
  cancelRun(runId: string): Promise<void>;

  /** Tasks that wait, where that can be told. */
  depth(): Promise<number | undefined>;

  /** Rejects unless the queue answers. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a task knows of its call. */
export interface TaskContext {
  /** The same for a redelivered task and for a retry. */
  readonly taskId: string;
  /** Stops the task within a tile of work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the task has failed for good if it fails now. */
  readonly isLastTry?: boolean | undefined;
}

/** A task that workers can do. To do it again, after it was done or broken off at any point, changes nothing. */
export interface TaskDefinition {
  readonly name: string;
  /** Parameters in their order, for calls that mix positions and names; those that may be missing end in `?`. */
  readonly parameters: readonly string[];
  /**
   * Whether positional arguments are taken, all of them in `parameters.args`, as by Python's `*args`; the parameters then
   * come by name only. So do tasks that are sent on errors, which get 1 or 3 positionals. Default: no.
   */
  readonly takesPositionals?: boolean | undefined;
  /** What it takes most of, where tasks of one process share the machine; default: neither much. */
  readonly load?: "compute" | "memory" | undefined;
  /** How often a failed task is tried again, after 5 seconds each time. Default: 3. */
  readonly maxRetries?: number | undefined;
  /** Whether the result goes anywhere; default: no. Parts of a chord need theirs. */
  readonly keepsResult?: boolean | undefined;
  run(parameters: Readonly<Record<string, unknown>>, context: TaskContext): Promise<unknown>;
}
