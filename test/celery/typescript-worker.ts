/**
 * One of our workers in a separate process, for tests that signal it:
 * `node --import=tsx test/celery/typescript-worker.ts` with CELERY_TEST in the environment; see
 * {@link TypeScriptConfig}. Prints a JSON line when it is ready.
 */
import IORedis from "ioredis";
import {
  CeleryApp,
  type CeleryAppOptions,
  CeleryWorker,
  type CeleryWorkerOptions,
} from "../../src/celery/index.js";
import { registerTasks } from "./typescript-tasks.js";

export interface TypeScriptConfig {
  readonly app: CeleryAppOptions;
  readonly worker: CeleryWorkerOptions;
  /** URL of the Redis server where tasks leave their notes. */
  readonly records: string;
  /** Whether it kills itself with SIGKILL when a chord part is counted and not yet acknowledged. */
  readonly diesAfterChordPart?: boolean;
}

const config = JSON.parse(process.env["CELERY_TEST"]!) as TypeScriptConfig;
const app = new CeleryApp(config.app);
registerTasks(app, new IORedis(config.records));

if (config.diesAfterChordPart) {
  const { backend } = app;
  const add = backend.addChordPart.bind(backend);
  backend.addChordPart = async (...part) => {
    await add(...part);
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => {});
  };
}

const say = (details: object, message: string) =>
  process.stderr.write(`${message} ${JSON.stringify(details)}\n`);
const worker = new CeleryWorker(app, { ...config.worker, log: { info: say, warn: say } });
let asked = 0;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => void (asked++ === 0 ? worker.stop() : worker.kill()));
}
process.on("SIGQUIT", () => void worker.kill());
await worker.start();
process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid })}\n`);
await worker.finished;
await app.disconnect();
process.exit(0);
