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
      new Option("--port <port>", "the port to listen on; 0 for any free port")
        .argParser(portValue)
        .default(DEFAULT_PORT),
    )
    .option("--host <address>", "the address to listen on", host)
    .addOption(
      new Option("--log-level <level>", "minimum level of log messages")
        .choices(LOG_LEVELS)
        .default(logLevel),
    );
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
  const { syscall, code, hostname } = error as NodeJS.ErrnoException & { hostname: string };
  if (syscall === "getaddrinfo") return new UsageError(`The host ${hostname} cannot be resolved (${code}).`);
  return explainListen(error, "--port");
}

/** Converts an error about an unavailable port to a usage error. */
export function explainListen(error: Error, portOption: string): Error {
  const { syscall, code, address, port } = error as NodeJS.ErrnoException & { address: string; port: number };
  if (syscall !== "listen") return error;
  return new UsageError(
    code === "EADDRINUSE"
      ? `Port ${port} on ${address} is already in use; choose another with ${portOption}.`
      : `Cannot listen on port ${port} of ${address} (${code}); choose another with ${portOption}.`,
  );
}
