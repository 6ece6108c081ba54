import { Command } from "commander";
import { addServiceOptions, endSignal, explainStart, type ServiceOptions } from "./service-options.js";

const HELP = `
Serves the REST API of a cluster, whose workers execute the tasks. Settings come
from environment variables with the names that the Python entity service uses:
DATABASE_SERVER, DATABASE_PASSWORD, REDIS_SERVER, CELERY_BROKER_URL,
MINIO_SERVER, MINIO_ACCESS_KEY, MINIO_SECRET_KEY,
UPLOAD_OBJECT_STORE_ACCESS_KEY, FLASK_DB_MAX_CONNECTIONS, …

/healthz responds from the start; /readyz once all stores are reachable and
anonlink-wasm migrate has created the tables. SIGTERM or SIGINT stops the server
once the requests in progress are answered; a second one, immediately.`;

/** `anonlink-wasm api`: the REST API of a cluster. */
export function apiCommand(): Command {
  const command = new Command("api")
    .summary("serve the REST API of a cluster")
    .description("Serve the REST API on PostgreSQL, Redis, S3 and Celery.");
  return addServiceOptions(command, "0.0.0.0", "info")
    .addHelpText("after", HELP)
    .action(async (options: ServiceOptions) => {
      const ended = endSignal();
      const { startClusterService } = await import("../service/main.js"); // drivers that other commands do not need
      const service = await startClusterService({ ...options, env: process.env }).catch((error: unknown) => {
        throw explainStart(error);
      });
      await ended;
      await service.close();
      process.exit(); // a store that does not respond must not delay the exit
    });
}
