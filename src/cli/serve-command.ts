import { resolve } from "node:path";
import { Command } from "commander";
import { addServiceOptions, endSignal, explainStart, type ServiceOptions } from "./service-options.js";

const HELP = `
Runs everything in one process, with nothing else to install: a database, files
and a queue in the data folder, which only one process can use at a time. After
a crash, accepted uploads are kept and runs resume.

Settings come from environment variables: MAX_UPLOAD_BYTES, MAX_UPLOAD_ROWS,
MAX_PARTIES, CHUNK_SIZE_AIM, CORS_ORIGINS, …
SIGTERM or SIGINT stops the service once the requests in progress are answered;
a second one, immediately.`;

/** `anonlink-wasm serve`: the whole service in one process. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("run the entity service in one process")
    .description("Run the entity service with everything it needs in one process.")
    .option("--data <folder>", "the folder for all data; created if it does not exist", "anonlink-data");
  return addServiceOptions(command, "127.0.0.1", "warn")
    .addHelpText("after", HELP)
    .action(async ({ data, ...options }: ServiceOptions & { readonly data: string }) => {
      const ended = endSignal();
      const dataFolder = resolve(data);
      const { startEmbeddedService } = await import("../service/main.js"); // drivers that other commands do not need
      const service = await startEmbeddedService({ ...options, dataFolder, env: process.env }).catch(
        (error: unknown) => {
          throw explainStart(error);
        },
      );
      process.stdout.write(
        `The service is ready at ${service.url} (docs: ${service.url}/docs, data: ${dataFolder})\n`,
      );
      await ended;
      await service.close();
    });
}
