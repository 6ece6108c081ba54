import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { loads } from "../../../src/celery/python-json.js";
import { seededRandom } from "../../random-clks.js";
import { startRedis } from "../../servers/redis.js";
import type { StartedProcess } from "../../started-process.js";
import { Fleet } from "../fleet.js";
import type { PythonLine } from "../python-celery.js";
import { until } from "../until.js";
import { type RandomMessage, randomMessage } from "./random-message.js";

const QUEUE = "q";
/** The number of messages sent together, if none of them can stop Python's worker. */
const BATCH = 25;
/** How long messages may take; after a malformed one, Celery's worker counts as stuck after the shorter time. */
const DRAIN_MS = 120_000;
const PYTHON_DRAIN_MS = 2500;
/** How long the lines of the log may take to arrive. */
const LOG_MS = 10_000;
const META = "celery-task-meta-";

type Results = ReadonlyMap<string, { readonly status: string; readonly result: unknown }>;

export interface FuzzOutcome {
  readonly line: PythonLine;
  readonly messages: number;
  /** The number of our tasks by their final status. */
  readonly ends: Readonly<Record<string, number>>;
  /** Messages that our worker has rejected or set aside; most have a result. */
  readonly rejected: number;
  /**
   * How outcomes differ between the two workers: the first seed, and the number of messages. Celery accepts some
   * malformed messages that ours rejects.
   */
  readonly differences: Readonly<Record<string, { readonly seed: number; count: number }>>;
  /** What must not happen. */
  readonly problems: readonly string[];
  readonly pythonRestarts: number;
  /** How much our worker's memory has grown since the first tenth of the messages, in MiB. */
  readonly grownMebibytes: number;
  readonly ms: number;
}

/**
 * Sends the same messages to our worker and to Celery's, each on its own Redis. Each message must lead to a result, the
 * same as Celery's if Celery has one, or be rejected with a line in the log.
 */
export async function runFuzz(line: PythonLine, seed: number, count: number): Promise<FuzzOutcome> {
  const fuzz = await Fuzz.start(line);
  try {
    return await fuzz.run(seed, count);
  } finally {
    await fuzz.end();
  }
}

class Fuzz {
  readonly #ends: Record<string, number> = {};
  readonly #differences: Record<string, { seed: number; count: number }> = {};
  readonly #problems: string[] = [];
  #restarts = 0;
  #rejected = 0;
  #python!: StartedProcess;

  private constructor(
    readonly line: PythonLine,
    readonly ours: Fleet,
    readonly theirs: Fleet,
    readonly worker: StartedProcess,
  ) {}

  static async start(line: PythonLine): Promise<Fuzz> {
    // A message is acknowledged after its task has ended, so that no held message means that all tasks have ended.
    const settings = { task_acks_late: true };
    const [ours, theirs] = [
      new Fleet(line, await startRedis(), {}),
      new Fleet(line, await startRedis(), { settings }),
    ];
    const fuzz = new Fuzz(
      line,
      ours,
      theirs,
      await ours.typeScriptWorker({ queues: [QUEUE], acksLate: true }),
    );
    await fuzz.#startPython();
    return fuzz;
  }

  async #startPython(): Promise<void> {
    this.#python = await this.theirs.pythonWorker({ queues: [QUEUE], args: ["--pool", "solo"] });
  }

  async run(seed: number, count: number): Promise<FuzzOutcome> {
    const begin = Date.now();
    let memory = 0;
    let batch: RandomMessage[] = [];
    for (let n = 0; n < count; n++) {
      const random = seededRandom(seed + n);
      const message = randomMessage(seed + n, (limit) => Math.floor(random() * limit), QUEUE);
      if (message.isOdd) await this.#check([message]);
      else batch.push(message);
      if (batch.length >= BATCH || n === count - 1) {
        await this.#check(batch);
        batch = [];
      }
      if (n === Math.floor(count / 10)) memory = await this.#memory();
    }
    return {
      line: this.line,
      messages: count,
      ends: this.#ends,
      rejected: this.#rejected,
      differences: this.#differences,
      problems: this.#problems,
      pythonRestarts: this.#restarts,
      grownMebibytes: Math.round((await this.#memory()) - memory),
      ms: Date.now() - begin,
    };
  }

  async end(): Promise<void> {
    const quiet = { passed: true, log: () => {} };
    await this.ours.end(quiet);
    await this.theirs.end(quiet);
  }

  async #memory(): Promise<number> {
    const status = await readFile(`/proc/${this.worker.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
  }

  async #check(messages: readonly RandomMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const before = this.worker.output.length;
    const [ours, theirs] = await Promise.all([this.#askOurs(messages), this.#askPython(messages)]);
    const lines = () => this.worker.output.slice(before).split("\n");
    // The output of another process arrives a little after what it has done.
    const hasLines = () => lines().length > messages.length || undefined;
    await until("a line for each message", LOG_MS, hasLines).catch(() => {});
    const log = lines();
    await this.ours.store.del(`${QUEUE}.rejected`);
    for (const { status } of ours.values()) this.#count(status);
    const about = messages.map(({ seed, kind }) => `seed ${seed} (${kind})`).join(", ");
    if (log.length - 1 < messages.length) this.#problems.push(`${about}: no line in the log`);
    const rejected = log.filter((text) => text.startsWith("message rejected")).length;
    const expected = messages.filter(({ mayLackResult }) => !mayLackResult).length;
    if (ours.size + rejected < expected) this.#problems.push(`${about}: no result, and not rejected`);
    this.#rejected += rejected;
    const ids = new Map(messages.map((message) => [message.id, message]));
    for (const id of new Set([...ours.keys(), ...theirs.keys()])) {
      const message = ids.get(id.slice(0, 36));
      // Celery takes a message before it notes it as held, so that a result may come after its messages were compared.
      if (message === undefined && ours.get(id) === undefined) continue;
      this.#compare(message ?? messages[0]!, id, ours.get(id), theirs.get(id));
    }
  }

  #compare(
    { seed, kind, isOdd, id }: RandomMessage,
    taskId: string,
    ours: { status: string; result: unknown } | undefined,
    theirs: { status: string; result: unknown } | undefined,
  ): void {
    if (isDeepStrictEqual(ours && endOf(ours), theirs && endOf(theirs))) return;
    const what = `${kind}: ours ${describe(ours)}, Celery ${describe(theirs)}`;
    const known = this.#differences[what];
    if (known === undefined) this.#differences[what] = { seed, count: 1 };
    else known.count++;
    // The followers of a malformed message are not sent if the message is rejected.
    const isSilent = ours === undefined && taskId === id;
    const isWrong = !isOdd || isSilent || (ours?.status === "SUCCESS" && theirs?.status === "SUCCESS");
    if (isWrong) this.#problems.push(`seed ${seed}, ${what}`);
  }

  async #askOurs(messages: readonly RandomMessage[]): Promise<Results> {
    const { store } = this.ours;
    for (const { raw } of messages) await store.lpush(QUEUE, raw as string);
    await until(`the end of seeds ${messages.map(({ seed }) => seed)}`, DRAIN_MS, async () => {
      if (this.worker.hasEnded) throw new Error(`our worker has ended: ${this.worker.output.slice(-2000)}`);
      return (await isDrained(this.ours)) || undefined;
    });
    return takeResults(this.ours);
  }

  async #askPython(messages: readonly RandomMessage[], mayRepeat = true): Promise<Results> {
    const { store } = this.theirs;
    for (const { raw } of messages) await store.lpush(QUEUE, raw as string);
    const enoughMs = messages.some(({ isOdd }) => isOdd) ? PYTHON_DRAIN_MS : DRAIN_MS;
    const isDone = await until("Celery's worker", enoughMs, async () => {
      if (this.#python.hasEnded) return "stopped";
      return (await isDrained(this.theirs)) ? "done" : undefined;
    }).catch(() => "stopped");
    const results = await takeResults(this.theirs);
    if (isDone === "stopped") {
      this.#restarts++;
      await this.#python.killGroup();
      await store.flushall();
      await this.#startPython();
      // An earlier malformed message may have stopped it.
      if (mayRepeat && !messages.some(({ isOdd }) => isOdd)) return this.#askPython(messages, false);
    }
    return results;
  }

  #count(status: string): void {
    this.#ends[status] = (this.#ends[status] ?? 0) + 1;
  }
}

/** Whether no message is waiting or held. Checked twice, because Celery takes a message before it notes it as held. */
async function isDrained({ store }: Fleet): Promise<boolean> {
  const lists = ["", 3, 6, 9].map((step) => (step === "" ? QUEUE : `${QUEUE}\x06\x16${step}`));
  for (let n = 0; n < 2; n++) {
    if (n > 0) await pause(10);
    // In one step: otherwise a message could be held at the first look, and its follower not waiting at the second.
    const counts = await store
      .multi()
      .exists(...lists)
      .hlen("unacked")
      .exec();
    if (counts!.some(([, count]) => count !== 0)) return false;
  }
  return true;
}

async function takeResults({ store }: Fleet): Promise<Results> {
  const keys = await store.keys(`${META}*`);
  const results = new Map<string, { status: string; result: unknown }>();
  for (const key of keys) {
    const stored = loads((await store.get(key))!) as { status: string; result: unknown };
    results.set(key.slice(META.length), stored);
  }
  if (keys.length > 0) await store.del(...keys);
  return results;
}

/** What must be equal: the value, or the type of the error. */
function endOf({ status, result }: { status: string; result: unknown }): unknown {
  return status === "SUCCESS" ? { status, result } : { status, error: errorOf(result) };
}

function errorOf(result: unknown): unknown {
  return (result as { exc_type?: unknown } | null)?.exc_type;
}

function describe(end: { status: string; result: unknown } | undefined): string {
  if (end === undefined) return "nothing";
  return end.status === "SUCCESS" ? "SUCCESS" : `${end.status} ${String(errorOf(end.result))}`;
}
