import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../python-environment.js";
import { StartedProcess } from "../started-process.js";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The Celery release lines that we test against: the one that the Python entity service pins, and the newest. */
export const PYTHON_LINES = ["oldest", "newest"] as const;
export type PythonLine = (typeof PYTHON_LINES)[number];

/** The configuration of the Python side: see app.py. */
export interface PythonConfig {
  readonly broker: string;
  readonly backend: string;
  /** URL of the Redis server where tasks leave their notes. */
  readonly records: string;
  /** Celery's settings. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Path of the Python in a line's virtual environment; its scripts work only in the folder they were installed in. */
function pythonOf(line: PythonLine): string {
  return join(pythonEnvironment(join(here, `requirements-${line}.txt`), `celery-${line}`), "python");
}

function environmentOf(config: PythonConfig): Record<string, string> {
  return {
    CELERY_TEST: JSON.stringify(config),
    PYTHONPATH: here,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
  };
}

/** Starts Celery's command line: `celery -A app …`. */
export function startCelery(line: PythonLine, config: PythonConfig, args: readonly string[]): StartedProcess {
  const name = `celery ${args[0]} (${line})`;
  const env = { ...environmentOf(config), FLOWER_UNAUTHENTICATED_API: "true" };
  return new StartedProcess(name, pythonOf(line), ["-m", "celery", "-A", "app", ...args], { cwd: here, env });
}

/** An exception raised in a Python client. */
export class PythonError extends Error {
  constructor(
    readonly type: string,
    readonly module: string,
    readonly args: readonly unknown[],
    text: string,
    readonly traceback: string,
  ) {
    super(text);
    this.name = type;
  }
}

type Asker = { resolve: (answer: never) => void; reject: (error: Error) => void };

/** A Python client: executes snippets one after the other. */
export class PythonClient {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting: Asker[] = [];
  #hasEnded = false;
  #log = "";

  constructor(line: PythonLine, config: PythonConfig) {
    const env = { ...process.env, ...environmentOf(config) };
    this.#process = spawn(pythonOf(line), [join(here, "client.py")], { cwd: here, env, stdio: "pipe" });
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    createInterface({ input: this.#process.stdout }).on("line", (text) => this.#hear(text));
    this.#process.stdin.on("error", () => {}); // the process has ended; "close" rejects the pending questions
    this.#process.on("close", () => {
      this.#hasEnded = true;
      for (const { reject } of this.#waiting.splice(0)) reject(this.#endOf());
    });
  }

  #hear(text: string): void {
    const { answer, error } = JSON.parse(text) as {
      answer?: unknown;
      error?: { type: string; module: string; args: unknown[]; text: string; traceback: string };
    };
    const asker = this.#waiting.shift()!;
    if (error === undefined) asker.resolve(answer as never);
    else asker.reject(new PythonError(error.type, error.module, error.args, error.text, error.traceback));
  }

  #endOf(): Error {
    return new Error(`the Python client has ended: ${this.#log}`);
  }

  /**
   * Executes the body of a Python function that can use the app, its tasks and the canvas (see client.py).
   *
   * @param values variables of the code, by name
   * @returns the value that the code returns
   */
  run<Answer = unknown>(code: string, values: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    if (this.#hasEnded) return Promise.reject(this.#endOf());
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${JSON.stringify({ code, values })}\n`);
    });
  }

  close(): void {
    this.#process.stdin.end();
    this.#process.kill("SIGKILL");
  }
}
