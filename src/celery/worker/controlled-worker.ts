/** A task that a worker holds, as remote control describes it. */
export interface RequestInfo {
  readonly id: string;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly hostname: string;
  /** When it was started, in seconds since 1970; null before. */
  readonly timeStart: number | null;
  readonly acknowledged: boolean;
  readonly deliveryInfo: {
    readonly exchange: string;
    readonly routing_key: string;
    readonly priority: number;
    readonly redelivered: boolean;
  };
  /** The id of the process that runs it; null before. */
  readonly workerPid: number | null;
  /** Values of its stamped headers, each a string or a list of strings. */
  readonly stamps?: Readonly<Record<string, unknown>>;
}

/** Whether running tasks are terminated too, and with which signal. */
export interface RevokeOptions {
  readonly terminate: boolean;
  readonly signal: NodeJS.Signals;
}

/** What remote control can query and change in a worker. */
export interface ControlledWorker {
  /** `name@host`. */
  readonly hostname: string;
  active(): RequestInfo[];
  /** Claimed from a queue, waiting for a free place. */
  reserved(): RequestInfo[];
  /** Waiting for their time to run. */
  scheduled(): { readonly eta: Date; readonly request: RequestInfo }[];
  /** Names of the tasks that can run here. */
  registered(): string[];
  /** Queues that are consumed. */
  queues(): string[];
  /** Oldest first. */
  revokedIds(): string[];
  /** Adds the ids that another worker knows; invalid ids are left out. */
  mergeRevoked(ids: readonly unknown[]): void;
  /** Finished tasks by name. */
  totals(): Readonly<Record<string, number>>;
  /** The maximum number of tasks that run at once, and the processes that run them. */
  pool(): { readonly maxConcurrency: number; readonly processes: readonly number[] };
  prefetchCount(): number;
  /** Seconds since the worker started. */
  uptimeSeconds(): number;
  /** Settings as Celery names them, without passwords. */
  settings(): Readonly<Record<string, unknown>>;
  /** Address parts of the broker, without passwords. */
  brokerInfo(): Readonly<Record<string, unknown>>;
  /** Revokes tasks; `terminate` also terminates those that are running. */
  revoke(taskIds: readonly string[], options: RevokeOptions): void;
  /** The same for tasks that have one of the values in a stamped header. */
  revokeByStampedHeaders(headers: Readonly<Record<string, readonly string[]>>, options: RevokeOptions): void;
  addConsumer(queue: string): void;
  cancelConsumer(queue: string): void;
  /** Changes the number of tasks that run at once. */
  resizePool(change: number): void;
  /** `perSecond`: tasks per second; 0 for no limit. Throws a RangeError for an unknown task. */
  setRateLimit(task: string, perSecond: number): void;
  /** Seconds; null for no limit. Throws a RangeError for an unknown task. */
  setTimeLimits(task: string, hard: number | null, soft: number | null): void;
  /** Shuts down warmly: running tasks finish first. */
  shutdown(): void;
}
