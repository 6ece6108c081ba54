#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { LinkageError } from "../library/node.js";
import { apiCommand } from "./api-command.js";
import { checkCommand } from "./check-command.js";
import { describeCommand } from "./describe-command.js";
import { exporterCommand } from "./exporter-command.js";
import { Interrupted } from "./interruption.js";
import { matchCommand } from "./match-command.js";
import { migrateCommand } from "./migrate-command.js";
import { serveCommand } from "./serve-command.js";
import { UsageError } from "./usage-error.js";
import { workerCommand } from "./worker-command.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** The commands, in the order of the help text. */
const commands = [
  matchCommand(),
  describeCommand(),
  serveCommand(),
  apiCommand(),
  workerCommand(version),
  migrateCommand(),
  exporterCommand(),
  checkCommand(),
];

// An unhandled stream error would print a stack trace. A pipe closed by its reader is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") process.exitCode ??= EXIT_FAILURE;
});
process.stderr.on("error", () => {});
process.on("uncaughtException", (error) => process.exit(report(error)));

const program = new Command("anonlink-wasm")
  .description("Private record linkage: find the people that parties have in common by comparing CLKs.")
  .version(version)
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "anonlink-wasm: ")) })
  .addHelpText(
    "after",
    "\nExit codes: 0 success, 1 failure, 2 invalid input or options, 130 interrupted.\nDEBUG=anonlink-wasm adds stack traces.",
  );
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints one sentence about an error; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE; // commander has printed it
  if (error instanceof Interrupted) return error.exitCode;
  const isOfLibrary = error instanceof LinkageError && error.name !== "ServiceError";
  const isUsers = error instanceof UsageError || (isOfLibrary && error.code !== "thread-failed");
  process.stderr.write(`anonlink-wasm: ${error instanceof Error ? error.message : String(error)}\n`);
  const isDebugging = process.env["DEBUG"]?.split(/[\s,]+/).includes("anonlink-wasm");
  if (isDebugging && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return isUsers ? EXIT_USAGE : EXIT_FAILURE;
}
