import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const ANONLINK = "anonlink==0.15.3";
const cache = fileURLToPath(new URL("../.cache/", import.meta.url));

/** A question to peer.py; `ask` names the function that answers. */
export interface Question {
  readonly ask: string;
  readonly [key: string]: unknown;
}

/** anonlink from PyPI in a separate Python process, which is kept for all measurements. */
export class Peer {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  private constructor(python: string) {
    this.#process = spawn(python, [fileURLToPath(new URL("peer.py", import.meta.url))], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) =>
      this.#waiting.shift()!(JSON.parse(line)),
    );
    this.#process.on("exit", (code) => {
      if (this.#waiting.length > 0) throw new Error(`The peer ended with exit code ${code}.`);
    });
  }

  /** Creates the virtual environment on first use, and starts the peer. */
  static start(): Peer {
    const folder = `${cache}bench-${ANONLINK.replace("==", "-")}`;
    if (!existsSync(folder)) {
      mkdirSync(cache, { recursive: true });
      const draft = `${folder}.draft`;
      rmSync(draft, { recursive: true, force: true });
      execFileSync("python3", ["-m", "venv", draft], { stdio: "inherit" });
      execFileSync(`${draft}/bin/python`, ["-m", "pip", "install", "--quiet", ANONLINK], {
        stdio: "inherit",
      });
      renameSync(draft, folder);
    }
    return new Peer(`${folder}/bin/python`);
  }

  async ask<Answer>(question: Question): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    return new Promise((resolve) => this.#waiting.push(resolve as (answer: unknown) => void));
  }

  close(): void {
    this.#process.stdin.end();
  }
}
