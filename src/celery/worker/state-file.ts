import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { LamportClock } from "./clock.js";
import type { RevokedIds } from "./revoked-ids.js";
import type { WorkerLog } from "./worker-options.js";

/** A larger file is not a state file: 50,000 ids take less. */
const MAX_BYTES = 64 * 2 ** 20;
/** Changes within this time are written together. */
const PAUSE_MS = 100;

/**
 * Keeps a worker's revoked ids and its logical clock across restarts, as Celery's `statedb` does. Each change is
 * written to a draft, which then replaces the file: a crash in between leaves the earlier state. Each worker needs its
 * own file.
 */
export class StateFile {
  readonly #path: string;
  readonly #revoked: RevokedIds;
  readonly #clock: LamportClock;
  readonly #log: WorkerLog;
  #writing: Promise<void> | undefined;
  #isChanged = false;

  /**
   * Reads the file, if it exists, and writes it, so that a wrong path is detected at once.
   *
   * @throws TypeError with a one-sentence message, if that is not possible
   */
  constructor(path: string, revoked: RevokedIds, clock: LamportClock, log: WorkerLog) {
    this.#path = path;
    this.#revoked = revoked;
    this.#clock = clock;
    this.#log = log;
    this.#read();
    this.#write();
    revoked.onAdded = () => this.#schedule();
  }

  /** Resolves when the last state is written. */
  async close(): Promise<void> {
    this.#schedule();
    await this.#writing;
  }

  #read(): void {
    let text: string;
    try {
      if (statSync(this.#path).size > MAX_BYTES) throw new TypeError(this.#explain("is too large"));
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      throw code === undefined ? error : new TypeError(this.#explain(`cannot be read (${code})`));
    }
    try {
      const { revoked, clock } = JSON.parse(text) as { revoked: [string, number][]; clock: number };
      if (!Number.isSafeInteger(clock)) throw new TypeError("no clock");
      for (const [id, until] of revoked) {
        if (typeof id !== "string" || typeof until !== "number") throw new TypeError("no id");
      }
      this.#revoked.restore(revoked);
      this.#clock.adjust(clock);
    } catch {
      throw new TypeError(this.#explain("is not a state file of this worker"));
    }
  }

  #write(): void {
    try {
      const draft = openSync(this.#draft, "w", 0o600);
      try {
        writeFileSync(draft, this.#state);
        fsyncSync(draft);
      } finally {
        closeSync(draft);
      }
      renameSync(this.#draft, this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new TypeError(this.#explain(`cannot be written (${code})`));
    }
  }

  #schedule(): void {
    this.#isChanged = true;
    this.#writing ??= this.#writeChanges().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeChanges(): Promise<void> {
    while (this.#isChanged) {
      await delay(PAUSE_MS);
      this.#isChanged = false;
      try {
        const draft = await open(this.#draft, "w", 0o600);
        try {
          await draft.writeFile(this.#state);
          await draft.sync();
        } finally {
          await draft.close();
        }
        await rename(this.#draft, this.#path);
      } catch (error) {
        this.#log.warn(
          { file: this.#path, reason: (error as NodeJS.ErrnoException).code },
          "revoked ids not saved",
        );
      }
    }
  }

  get #draft(): string {
    return `${this.#path}.draft`;
  }

  get #state(): string {
    return JSON.stringify({ revoked: this.#revoked.entries(), clock: this.#clock.value });
  }

  #explain(problem: string): string {
    return `The state file ${this.#path} ${problem}; name another file, or remove this one to start without revoked ids.`;
  }
}
