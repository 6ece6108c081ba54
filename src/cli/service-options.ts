import { type Command, Option } from "commander";
import { portValue } from "./option-values.js";
import { UsageError } from "./usage-error.js";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
const DEFAULT_PORT = 8851;

export interface ServiceOptions {
  readonly port: number;
  readonly host: string;
  readonly logLevel: string;
}

/** Adds the options of all commands that serve the API. */
export function addServiceOptions(command: Command, host: string, logLevel: string): Command {
  return command
    .addOption(
      new Option("--port <port>", "where to listen; 0 for any free port")
        .argParser(portValue)
        .default(DEFAULT_PORT),
    )
    .option("--host <address>", "the address to listen on", host)
    .addOption(new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default(logLevel));
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(signal === "SIGINT" ? 130 : 143));
      });
    }
  });
}

/** Converts errors about an invalid setting or an unavailable port to usage errors. */
export function explainStart(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === "ConfigError" || error instanceof TypeError || error instanceof RangeError) {
    return new UsageError(error.message);
  }
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === "listen" || syscall === "getaddrinfo") {
    return new UsageError(`--host, --port: the service cannot listen there (${code})`);
  }
  return error;
}
