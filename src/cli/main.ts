#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { LinkageError } from "../library/node.js";
import { describeCommand } from "./describe-command.js";
import { Interrupted } from "./interruption.js";
import { matchCommand } from "./match-command.js";
import { UsageError } from "./usage-error.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("anonlink-wasm")
  .description("Private record linkage: find the people that parties have in common by comparing CLKs.")
  .version(version)
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "anonlink-wasm: ")) });
for (const command of [matchCommand(), describeCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says what went wrong in one sentence; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE; // commander has said it
  if (error instanceof Interrupted) return EXIT_INTERRUPTED;
  const known = error instanceof UsageError || error instanceof LinkageError;
  process.stderr.write(`anonlink-wasm: ${error instanceof Error ? error.message : String(error)}\n`);
  return known ? EXIT_USAGE : EXIT_FAILURE;
}
