import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** The project's folder: commands run here. */
export const root = new URL("../..", import.meta.url);

/** Starts the command line from its source: a program and its first arguments. */
export const CLI = [process.execPath, "--import=tsx", "src/cli/main.ts"] as const;

/** Runs the command line in the project's folder. */
export function runCli(
  args: readonly string[],
  input?: string | Buffer,
  env: NodeJS.ProcessEnv = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(CLI[0], [...CLI.slice(1), ...args], { cwd: root, env: { ...process.env, ...env } });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      const stdoutBytes = Buffer.concat(stdout);
      resolve({
        code,
        stdoutBytes,
        stdout: stdoutBytes.toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    child.stdin.on("error", () => {}); // a command that exits early does not read its input
    child.stdin.end(input ?? "");
  });
}

/** A new empty folder. */
export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), "anonlink-wasm-"));
}
