/** The Celery task protocol over Redis: a client and a worker that share clusters with Python's. See docs/celery.md. */
export { CeleryApp, type CeleryAppOptions } from "./app.js";
export { FINAL_STATES, type TaskMeta } from "./backend.js";
export { type BroadcastOptions, broadcast } from "./broadcast.js";
export type { RejectedItem } from "./claimed-message.js";
export { GroupResult } from "./group-result.js";
export type { Signature } from "./message.js";
export { parseRoutes, type Routes } from "./routes.js";
export type { SentChord, SentPart } from "./sent-chord.js";
export { chain, chord, group, type SendOptions, signature } from "./signature.js";
export { TaskFailure } from "./task-errors.js";
export type { RetryOptions, TaskContext, TaskHandler, TaskModule, TaskOptions } from "./task-registry.js";
export { TaskResult } from "./task-result.js";
export { parseTransportOptions, type TransportOptions } from "./transport-options.js";
export { CeleryWorker } from "./worker/worker.js";
export type { WorkerLog, WorkerOptions as CeleryWorkerOptions } from "./worker/worker-options.js";
