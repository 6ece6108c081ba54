/** The Celery task protocol over Redis: a client and a worker that share clusters with Python's. See docs/celery.md. */
export { CeleryApp, type CeleryAppOptions } from "./app.js";
export type { TaskMeta } from "./backend.js";
export { GroupResult } from "./group-result.js";
export type { Signature } from "./message.js";
export { parseRoutes, type Routes } from "./routes.js";
export { chain, chord, group, type SendOptions, signature } from "./signature.js";
export { TaskFailure } from "./task-errors.js";
export type { RetryOptions, TaskContext, TaskHandler, TaskModule, TaskOptions } from "./task-registry.js";
export { TaskResult } from "./task-result.js";
export { CeleryWorker } from "./worker/worker.js";
export type { WorkerLog, WorkerOptions as CeleryWorkerOptions } from "./worker/worker-options.js";
