import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../python-environment.js";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The Python of a virtual environment with the packages of requirements.txt. */
export function pythonOfPeers(): string {
  return join(pythonEnvironment(join(here, "requirements.txt"), "peers"), "python");
}

/** A running oracle.py: answers questions in order. */
export class Oracle {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #hasEnded = false;
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    const python = pythonOfPeers();
    this.#process = spawn(python, [join(here, "oracle.py")], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const { answer, error } = JSON.parse(line) as { answer?: unknown; error?: string };
      const asker = this.#waiting.shift()!;
      if (error === undefined) asker.resolve(answer);
      else asker.reject(new Error(`the oracle says ${error}`));
    });
    this.#process.stdin.on("error", () => {}); // it has ended; "close" rejects the questions
    this.#process.on("close", () => {
      this.#hasEnded = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the oracle has ended"));
    });
  }

  ask(question: { ask: string; [key: string]: unknown }): Promise<unknown> {
    if (this.#hasEnded) return Promise.reject(new Error("the oracle has ended"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  close(): void {
    this.#process.stdin.end();
  }
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

export function fromBase64(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(text as string, "base64"));
}
