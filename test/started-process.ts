import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

/** Leaders of the running process groups; none may outlive the tests. */
const running = new Set<number>();
process.once("exit", () => {
  for (const pid of running) signalGroup(pid, "SIGKILL");
});

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program in its own process group, whose output is kept. */
export class StartedProcess {
  /** Its output so far, on both streams. */
  output = "";
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly pid: number;
  #hasEnded = false;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #watchers = new Set<() => void>();

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    options: StartOptions = {},
  ) {
    this.#process = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.#tell();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#process.once("error", (error) => {
        this.output += `${error.message}\n`;
        resolve(-1);
      });
      this.#process.once("exit", (code, signal) => resolve(code ?? signal!));
    });
    this.pid = this.#process.pid ?? -1;
    if (this.pid > 0) running.add(this.pid);
    void this.ended.then(() => {
      this.#hasEnded = true;
      this.#tell();
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves with a pattern's match in the output; rejects if the program ends or the time runs out first. */
  async whenPrinted(pattern: RegExp, timeoutMs = 180_000): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const fail = (why: string) => finish(() => reject(new Error(`${this.name} ${why}: ${this.output}`)));
      const look = () => {
        const match = this.output.match(pattern);
        if (match) finish(() => resolve(match));
        else if (this.#hasEnded) fail(`ended before it printed ${pattern}`);
      };
      const timer = setTimeout(() => fail(`has not printed ${pattern} in ${timeoutMs} ms`), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal to the program only. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) process.kill(this.pid, signal);
  }

  /** Sends a signal to the program and all its children. */
  signalGroup(signal: NodeJS.Signals): void {
    if (this.pid > 0 && !this.#hasEnded) signalGroup(this.pid, signal);
  }

  /** Resolves with the exit code or signal; rejects if the program has not ended in time. */
  async waitForEnd(timeoutMs = 120_000): Promise<number | NodeJS.Signals> {
    const timer = { id: undefined as NodeJS.Timeout | undefined };
    const late = new Promise<never>((_, reject) => {
      const why = () => new Error(`${this.name} has not ended in ${timeoutMs} ms: ${this.output}`);
      timer.id = setTimeout(() => reject(why()), timeoutMs);
    });
    return Promise.race([this.ended, late]).finally(() => clearTimeout(timer.id));
  }

  /** Sends SIGKILL to the program and all its children. */
  async killGroup(): Promise<void> {
    if (this.pid < 0) return;
    signalGroup(this.pid, "SIGKILL");
    await this.ended;
    running.delete(this.pid);
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // the group has ended
  }
}
