/** A task that a worker holds, as remote control describes it. */
export interface RequestInfo {
  readonly id: string;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly hostname: string;
  /** Seconds since 1970 when it was begun; null before. */
  readonly timeStart: number | null;
  readonly acknowledged: boolean;
  readonly deliveryInfo: {
    readonly exchange: string;
    readonly routing_key: string;
    readonly priority: number;
    readonly redelivered: boolean;
  };
  /** The process that runs it; null before. */
  readonly workerPid: number | null;
  /** Values of its stamped headers, a text or a list of them each. */
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
}

/** Whether tasks that run are ended too, and by which signal. */
export interface RevokeOptions {
  readonly terminate: boolean;
  readonly signal: NodeJS.Signals;
}

/** What remote control asks of a worker, and tells it to do. */
export interface ControlledWorker {
  /** `name@host`. */
  readonly hostname: string;
  active(): RequestInfo[];
  /** Taken from a queue, waiting for a free place. */
  reserved(): RequestInfo[];
  /** Waiting for their time. */
  scheduled(): { readonly eta: Date; readonly request: RequestInfo }[];
  /** Names of the tasks that can run here. */
  registered(): string[];
  /** Queues that are consumed. */
  queues(): string[];
  revokedIds(): string[];
  /** Finished tasks by name. */
  totals(): Readonly<Record<string, number>>;
  /** Tasks that run at once, at most, and the processes that run them. */
  pool(): { readonly maxConcurrency: number; readonly processes: readonly number[] };
  prefetchCount(): number;
  /** Seconds since the worker started. */
  uptimeSeconds(): number;
  /** Settings as Celery names them, without passwords. */
  settings(): Readonly<Record<string, unknown>>;
  /** Address parts of the broker, without passwords. */
  brokerInfo(): Readonly<Record<string, unknown>>;
  /** Forgets tasks; `terminate` ends them where they run. */
  revoke(taskIds: readonly string[], options: RevokeOptions): void;
  /** The same for tasks whose stamped headers hold one of the values. */
  revokeByStampedHeaders(headers: Readonly<Record<string, readonly string[]>>, options: RevokeOptions): void;
  addConsumer(queue: string): void;
  cancelConsumer(queue: string): void;
  /** Changes how many tasks run at once. */
  resizePool(change: number): void;
  /** `rate`: tasks a second; 0 for no limit. Throws a RangeError for an unknown task. */
  setRateLimit(task: string, perSecond: number): void;
  /** Seconds; null for no limit. Throws a RangeError for an unknown task. */
  setTimeLimits(task: string, hard: number | null, soft: number | null): void;
  /** Ends warmly: what runs is finished first. */
  shutdown(): void;
}
