import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

/**
 * The Python of a virtual environment with the packages of requirements.txt, which is made at first use. Its folder is
 * named after the requirements and Python's version and appears when it is complete, so that test files can ask for it
 * at the same time.
 */
export function pythonOfPeers(): string {
  const requirements = join(here, "requirements.txt");
  const version = execFileSync("python3", ["--version"]);
  const digest = createHash("sha256").update(readFileSync(requirements)).update(version).digest("hex");
  const folder = join(cache, `peers-${digest.slice(0, 12)}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    const options = { stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"] };
    try {
      execFileSync("python3", ["-m", "venv", draft], options);
      const install = ["-m", "pip", "install", "--quiet", "-r", requirements];
      execFileSync(join(draft, "bin/python"), install, options);
      if (!existsSync(folder)) renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else another test file was first
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return join(folder, "bin/python");
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
    this.#process.stdin.on("error", () => {}); // it has ended, which "close" tells the askers
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
