import { hostname } from "node:os";
import { Command, Option } from "commander";
import { countValue, portValue } from "./option-values.js";
import { explainListen, LOG_LEVELS } from "./service-options.js";
import { UsageError } from "./usage-error.js";

const DEFAULT_HEALTH_PORT = 8852;

interface WorkerOptions {
  readonly queues: string;
  readonly concurrency?: number;
  readonly hostname: string;
  readonly statedb?: string;
  readonly healthHost: string;
  readonly healthPort: number;
  readonly logLevel: string;
}

const HELP = `
Executes all tasks of an entity service cluster, alongside Python's workers or
instead of them. Tasks that need much memory (merging, solving, permuting) are
in the queue highmemory, which at least one worker must take. Settings come from
environment variables: DATABASE_SERVER, DATABASE_PASSWORD, REDIS_SERVER,
CELERY_BROKER_URL, MINIO_SERVER, MINIO_ACCESS_KEY, MINIO_SECRET_KEY and others
(see docs/worker.md).

SIGTERM or SIGINT stops the worker once its tasks are done, after
CELERY_SHUTDOWN_GRACE_SECONDS (90) at the latest; a second one, or SIGQUIT,
immediately: other workers then take over its tasks.`;

/** `anonlink-wasm worker`: joins a Celery cluster. */
export function workerCommand(version: string): Command {
  return new Command("worker")
    .summary("execute the tasks of a cluster")
    .description("Join a Celery cluster and execute the tasks of its projects and runs.")
    .option("--queues <names>", "queues to take tasks from, separated by commas", "celery,compute")
    .addOption(
      new Option(
        "--concurrency <number>",
        "maximum tasks at a time (default: CELERYD_CONCURRENCY, or 2)",
      ).argParser(countValue(1024)),
    )
    .option("--hostname <name@host>", "the worker's name in the cluster", `anonlink-wasm@${hostname()}`)
    .option(
      "--statedb <file>",
      "file for revoked ids, kept across restarts (default: CELERY_WORKER_STATE_DB, or none)",
    )
    .option("--health-host <address>", "address of /healthz, /readyz and /metrics", "0.0.0.0")
    .addOption(
      new Option("--health-port <port>", "their port; 0 for any free port")
        .argParser(portValue)
        .default(DEFAULT_HEALTH_PORT),
    )
    .addOption(
      new Option("--log-level <level>", "minimum level of log messages").choices(LOG_LEVELS).default("info"),
    )
    .addHelpText("after", HELP)
    .action(async (options: WorkerOptions) => {
      const queues = options.queues
        .split(",")
        .map((queue) => queue.trim())
        .filter((queue) => queue !== "");
      if (queues.length === 0) throw new UsageError("--queues must name a queue, such as compute.");
      const { runWorker } = await import("../worker/main.js"); // drivers that other commands do not need
      await runWorker({ ...options, stateFile: options.statedb, queues, version }, process.env).catch(
        (error: unknown) => {
          throw explain(error);
        },
      );
      process.exit(); // a store that does not respond or an aborted task must not delay the exit
    });
}

/** Converts errors about an invalid setting or an unavailable port to usage errors. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === "ConfigError" || error instanceof TypeError || error instanceof RangeError) {
    return new UsageError(error.message);
  }
  return explainListen(error, "--health-port");
}
