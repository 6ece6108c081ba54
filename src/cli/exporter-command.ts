import { Command, Option } from "commander";
import { portValue, secondsValue, serviceUrlValue } from "./option-values.js";
import { endSignal, explainStart } from "./service-options.js";

const DEFAULT_PORT = 8853;

interface ExporterOptions {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly interval: number;
  readonly timeout: number;
}

const HELP = `
Queries the REST API as a client does, without a token, and exports the answers.
/metrics has anonlink_service_up (1 or 0) and, while that is 1,
anonlink_service_projects, …_comparisons_per_second, …_info and
…_answer_seconds; …_answer_age_seconds and …_failures_total cover the time
without responses.
/healthz reports on the exporter alone. The Python entity service can be queried
as well.`;

/** `anonlink-wasm exporter`: exports a service's figures to Prometheus. */
export function exporterCommand(): Command {
  return new Command("exporter")
    .summary("export metrics of a service to Prometheus")
    .description("Query a service's REST API regularly and serve its figures to Prometheus.")
    .addOption(
      new Option("--url <url>", "the service, such as http://localhost:8851")
        .argParser(serviceUrlValue)
        .makeOptionMandatory(),
    )
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .addOption(
      new Option("--port <port>", "the port to listen on; 0 for any free port")
        .argParser(portValue)
        .default(DEFAULT_PORT),
    )
    .addOption(
      new Option("--interval <seconds>", "time between two queries")
        .argParser(secondsValue(3600))
        .default(15),
    )
    .addOption(
      new Option("--timeout <seconds>", "time limit for a response").argParser(secondsValue(600)).default(10),
    )
    .addHelpText("after", HELP)
    .action(async ({ url, host, port, interval, timeout }: ExporterOptions) => {
      const ended = endSignal();
      const { startExporter } = await import("../exporter/main.js"); // packages that other commands do not need
      const exporter = await startExporter({
        apiUrl: url,
        host,
        port,
        intervalMs: 1000 * interval,
        timeoutMs: 1000 * timeout,
        onChange: (problem) =>
          console.error(problem === undefined ? "the service answers" : `the service is away: ${problem}`),
      }).catch((error: unknown) => {
        throw explainStart(error);
      });
      console.log(`figures of the service at ${exporter.url}/metrics`);
      await ended;
      await exporter.close();
    });
}
