import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Redis } from "ioredis";
import type { ServiceCluster } from "./service-cluster.js";

const COMPARISON = "entityservice.tasks.comparing.compute_filter_similarity";

interface TaskEvent {
  readonly type: string;
  readonly uuid: string;
  readonly hostname: string;
  readonly timestamp: number;
  readonly name?: string;
  readonly args?: string;
  readonly kwargs?: string;
}

interface Execution {
  readonly by: "ours" | "python";
  /** Seconds. */
  readonly at: number;
}

/** How often packages were started, and which workers started them again. */
export interface ExecutionCounts {
  readonly packages: number;
  /** The number of packages by how often they were started: `{"1": 90, "2": 3}`. */
  readonly times: Readonly<Record<string, number>>;
  readonly ours: number;
  readonly python: number;
  readonly repeatedByOurs: number;
  readonly repeatedByPython: number;
  /** Executions by Python of packages that were started more than once: each may leave a file that no result names. */
  readonly pythonAmongRepeated: number;
}

/**
 * Counts how often each package is started: from the events of our workers, and from a file that Python's workers
 * write, because their events are sent late and are lost when a worker is killed.
 */
export class Executions {
  readonly #events: Redis;
  /** Executions by our workers, by the task's id. */
  readonly #begun = new Map<string, Execution[]>();
  /** The ids of the tasks that compare packages, with the ids of their runs if known. */
  readonly #runOf = new Map<string, string | undefined>();

  private constructor(readonly cluster: ServiceCluster) {
    this.#events = cluster.cache.duplicate();
    this.#events.on("error", () => {}); // the server is killed now and then
  }

  static async watch(cluster: ServiceCluster): Promise<Executions> {
    rmSync(cluster.executionsFile, { force: true });
    const executions = new Executions(cluster);
    executions.#events.on("pmessage", (_pattern: string, _channel: string, message: string) =>
      executions.#hear(message),
    );
    await executions.#events.psubscribe("/0.celeryev/task.*");
    return executions;
  }

  stop(): void {
    this.#events.disconnect();
  }

  #hear(message: string): void {
    const { body } = JSON.parse(message) as { body: string };
    const events = JSON.parse(Buffer.from(body, "base64").toString()) as TaskEvent | TaskEvent[];
    for (const event of Array.isArray(events) ? events : [events]) {
      if (event.type === "task-received" && event.name === COMPARISON) {
        // The ids of a project and of a run, unless a long package causes them to be truncated.
        const ids = `${event.args} ${event.kwargs}`.match(/\b[0-9a-f]{48}\b/g);
        this.#runOf.set(event.uuid, this.#runOf.get(event.uuid) ?? ids?.[1]);
      }
      if (event.type !== "task-started" || event.hostname.startsWith("python")) continue;
      const begun = this.#begun.get(event.uuid) ?? [];
      begun.push({ by: "ours", at: event.timestamp });
      this.#begun.set(event.uuid, begun);
    }
  }

  /** Executions of each package in chronological order, by its task's id. */
  #all(): Map<string, Execution[]> {
    const all = new Map<string, Execution[]>();
    for (const [id, executions] of this.#begun) if (this.#runOf.has(id)) all.set(id, [...executions]);
    for (const { id, task, run, at } of this.#noted()) {
      if (task !== COMPARISON) continue;
      this.#runOf.set(id, run);
      const executions = all.get(id) ?? [];
      executions.push({ by: "python", at });
      all.set(id, executions);
    }
    for (const executions of all.values()) executions.sort((a, b) => a.at - b.at);
    return all;
  }

  #noted(): { id: string; task: string; run: string; at: number }[] {
    const { executionsFile } = this.cluster;
    if (!existsSync(executionsFile)) return [];
    const lines = readFileSync(executionsFile, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  count(): ExecutionCounts {
    const all = this.#all();
    const times: Record<string, number> = {};
    const sums = { ours: 0, python: 0, repeatedByOurs: 0, repeatedByPython: 0, pythonAmongRepeated: 0 };
    for (const executions of all.values()) {
      times[executions.length] = (times[executions.length] ?? 0) + 1;
      for (const [n, { by }] of executions.entries()) {
        sums[by]++;
        if (by === "python" && executions.length > 1) sums.pythonAmongRepeated++;
        if (n > 0) sums[by === "ours" ? "repeatedByOurs" : "repeatedByPython"]++;
      }
    }
    return { packages: all.size, times, ...sums };
  }

  /** Counts what was started more than once in a run, and by whom: packages by both, other tasks by Python only. */
  repeatsOf(runId: string): Record<string, number> {
    const repeats: Record<string, number> = {};
    const add = (what: string, count: number) => {
      if (count > 0) repeats[what] = (repeats[what] ?? 0) + count;
    };
    for (const [id, executions] of this.#all()) {
      if (this.#runOf.get(id) !== runId) continue;
      for (const { by } of executions.slice(1)) add(`package by ${by}`, 1);
    }
    const others = new Map<string, number>();
    for (const { task, run } of this.#noted()) {
      if (run === runId && task !== COMPARISON) others.set(task, (others.get(task) ?? 0) + 1);
    }
    for (const [task, count] of others) add(`${task.slice(task.lastIndexOf(".") + 1)} by python`, count - 1);
    return repeats;
  }
}
