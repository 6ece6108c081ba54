import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/** entity_service as a program, which answers questions in order. */
export class RunStarter {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((line: string) => void)[] = [];
  #hasEnded = false;

  constructor(python: string, env: Readonly<Record<string, string>>) {
    this.#process = spawn(python, ["-m", "entity_service"], {
      cwd: here,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
    this.#process.stdin.on("error", () => {}); // the process has ended; "close" rejects the pending questions
    this.#process.on("close", () => {
      this.#hasEnded = true;
      for (const tell of this.#waiting.splice(0)) tell('{"error":"that it has ended"}');
    });
  }

  async ask<Answer>(ask: string, values: Readonly<Record<string, unknown>>): Promise<Answer> {
    if (this.#hasEnded) throw new Error("entity_service has ended");
    const line = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin.write(`${JSON.stringify({ ask, ...values })}\n`);
    });
    const { answer, error } = JSON.parse(line) as { answer: Answer; error?: string };
    if (error !== undefined) throw new Error(`entity_service says ${error}`);
    return answer;
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return;
    const closed = once(this.#process, "close");
    this.#process.kill("SIGKILL");
    await closed;
  }
}
