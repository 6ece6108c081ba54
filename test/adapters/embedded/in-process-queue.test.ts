import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import {
  InProcessQueue,
  type InProcessQueueOptions,
} from "../../../src/adapters/embedded/in-process-queue.js";
import type { TaskCall, TaskContext, TaskDefinition } from "../../../src/linkage/task-queue.js";
import { testTaskQueue } from "../../contract/task-queue.js";

testTaskQueue(test, async (t, definitions) => {
  const queue = new InProcessQueue({ retryDelayMs: 10 });
  t.teardown(() => queue.close());
  return { queue, start: () => queue.start(definitions) };
});

type Run = (parameters: TaskCall["parameters"], context: TaskContext) => Promise<unknown>;

/** Starts a queue with the given tasks. */
function open(
  t: ExecutionContext,
  tasks: Readonly<Record<string, Run | (Partial<TaskDefinition> & { run: Run })>>,
  options: InProcessQueueOptions = {},
): InProcessQueue {
  const queue = new InProcessQueue({ retryDelayMs: 10, closeTimeoutMs: 50, ...options });
  t.teardown(() => queue.close());
  queue.start(
    Object.entries(tasks).map(([name, task]) => ({
      name,
      parameters: ["results?", "run_id?"],
      ...(typeof task === "function" ? { run: task } : task),
    })),
  );
  return queue;
}

const part = (run: string, n = 0): TaskCall => ({ name: "part", parameters: { run_id: run, n } });
const end = (run: string): TaskCall => ({ name: "end", parameters: { run_id: run } });

test("a small run finishes before a huge one, whose parts are read lazily", async (t) => {
  const ended: unknown[] = [];
  let read = 0;
  const queue = open(t, {
    part: { load: "compute", run: () => delay(1) },
    end: async ({ run_id: run }) => {
      ended.push(run);
      if (run === "small") await queue.cancelRun("huge");
    },
  });
  function* huge() {
    for (; read < 1_000_000; read++) yield part("huge", read);
  }
  await queue.sendChord(huge(), end("huge"), "a");
  await queue.sendChord([part("small", 0), part("small", 1)], end("small"), "b");
  await queue.idle();
  t.deepEqual(ended, ["small"]);
  t.true(read < 100, `${read} parts were read`);
});

test("a run whose tasks never end leaves room for another run at every load", async (t) => {
  const stuck = { began: 0 };
  const ended: unknown[] = [];
  const work: Run = ({ run_id: run }, { signal }) => {
    if (run !== "huge") return Promise.resolve(void ended.push(run));
    stuck.began++;
    return new Promise((_, reject) => {
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
  };
  for (const load of ["compute", "memory", undefined] as const) {
    stuck.began = 0;
    ended.length = 0;
    const queue = open(
      t,
      { part: { load, run: work }, end: async () => {} },
      { limits: { compute: 3, memory: 2, light: 4 } },
    );
    await queue.sendChord(
      Array.from({ length: 10 }, (_, n) => part("huge", n)),
      end("huge"),
      "a",
    );
    await queue.sendChord([part("small", 0), part("small", 1)], end("small"), "b");
    while (ended.length < 2) await new Promise(setImmediate);
    t.is(stuck.began, { compute: 2, memory: 1, light: 3 }[load ?? "light"]);
  }
});

test("runs are scheduled round-robin", async (t) => {
  const order: unknown[] = [];
  const queue = open(
    t,
    { part: { load: "compute", run: async ({ run_id: run }) => void order.push(run) }, end: async () => {} },
    { limits: { compute: 1 } },
  );
  const parts = (run: string, count: number) => Array.from({ length: count }, (_, n) => part(run, n));
  await Promise.all([
    queue.sendChord(parts("a", 6), end("a"), "a"),
    queue.sendChord(parts("b", 3), end("b"), "b"),
    queue.sendChord(parts("c", 3), end("c"), "c"),
  ]);
  await queue.idle();
  t.deepEqual(new Set(order.slice(0, 3)), new Set(["a", "b", "c"]));
  t.is(order.slice(-2).join(), "a,a");
});

test("limits concurrent comparisons, and light tasks do not wait for them", async (t) => {
  let atOnce = 0;
  let most = 0;
  let isFree = () => {};
  const free = new Promise<void>((resolve) => {
    isFree = resolve;
  });
  const queue = open(t, {
    part: {
      load: "compute",
      async run() {
        most = Math.max(most, ++atOnce);
        await free;
        atOnce--;
      },
    },
    end: async () => {},
    light: async () => isFree(),
  });
  await queue.sendChord(
    Array.from({ length: 10 }, (_, n) => part("a", n)),
    end("a"),
    "a",
  );
  await delay(10);
  t.is(most, 2);
  await queue.send({ name: "light", parameters: { run_id: "a" } }); // queued behind all comparisons of its run
  await queue.idle();
  t.is(most, 2);
});

test("a task sent again while queued or running runs once; sent later, it runs again", async (t) => {
  const done: string[] = [];
  const queue = open(t, { once: async (_, { taskId }) => delay(5).then(() => void done.push(taskId)) });
  const call = { name: "once", parameters: {}, id: "same" };
  for (let n = 0; n < 3; n++) await queue.send(call);
  await queue.idle();
  t.deepEqual(done, ["same"]);
  await queue.send(call);
  await queue.idle();
  t.deepEqual(done, ["same", "same"]);
});

test("canceling a run drops its queued tasks and retries; other runs continue", async (t) => {
  const done: string[] = [];
  const queue = open(
    t,
    {
      part: {
        load: "compute",
        run: ({ run_id: run, n }) => delay(5).then(() => void done.push(`${run} ${n}`)),
      },
      end: async ({ run_id: run }) => void done.push(`end ${run}`),
      fail: async () => {
        throw new Error("always");
      },
      hear: async () => void done.push("heard"),
    },
    { limits: { compute: 1 }, retryDelayMs: 3_600_000 },
  );
  const onError = { name: "hear", parameters: { run_id: "a" } };
  await queue.send({ name: "fail", parameters: { run_id: "a" }, onError });
  await delay(5);
  await queue.sendChord([part("a", 0), part("a", 1), part("a", 2)], end("a"), "a");
  await queue.sendChord([part("b", 0)], end("b"), "b");
  await queue.cancelRun("a");
  await queue.idle();
  t.deepEqual(done.filter((text) => text.includes("b")).sort(), ["b 0", "end b"]);
  t.false(done.includes("end a") || done.includes("heard") || done.includes("a 2"));
});

test("a part source that fails initially rejects the send; a later failure fails the chord", async (t) => {
  const heard: unknown[] = [];
  const failures: unknown[] = [];
  const queue = open(
    t,
    {
      part: { load: "compute", run: () => delay(2) },
      end: async () => t.fail(),
      hear: async ({ args }) => void heard.push(args),
    },
    { onFailure: ({ task, willRetry }) => failures.push([task, willRetry]) },
  );
  function* parts(count: number) {
    for (let n = 0; n < count; n++) yield part("a", n);
    throw new Error("the database is away");
  }
  const callback = { ...end("a"), id: "the end", onError: { name: "hear", parameters: {} } };
  await t.throwsAsync(queue.sendChord(parts(0), callback, "a"), { message: "the database is away" });
  await queue.idle();
  t.deepEqual(heard, []);
  await queue.sendChord(parts(20), callback, "a");
  await queue.idle();
  t.deepEqual(heard, [["the end"]]);
  t.deepEqual(failures, [["end", false]]);
});

test("close() waits for running tasks and starts no more", async (t) => {
  const done: number[] = [];
  const queue = open(
    t,
    { part: { load: "compute", run: async ({ n }) => delay(30).then(() => void done.push(Number(n))) } },
    { limits: { compute: 1 }, closeTimeoutMs: 10_000 },
  );
  for (let n = 0; n < 3; n++) await queue.send(part("a", n));
  await delay(5);
  await queue.close();
  t.deepEqual(done, [0]);
  await t.throwsAsync(queue.send(part("a")), { message: /closed/ });
  await t.throwsAsync(queue.check());
  await queue.idle();
});

test("close() aborts tasks that take too long without reporting a failure", async (t) => {
  const queue = open(
    t,
    {
      part: (_, { signal }) =>
        new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason))),
      hear: async () => t.fail(),
    },
    { closeTimeoutMs: 20, onFailure: () => t.fail() },
  );
  await queue.send({ ...part("a"), onError: { name: "hear", parameters: {} } });
  await delay(5);
  await queue.close();
  await queue.idle();
  t.pass();
});

test("reports an unregistered task as a failure", async (t) => {
  const failures: unknown[] = [];
  const queue = open(t, {}, { onFailure: ({ error }) => failures.push((error as Error).message) });
  await queue.send(part("a"));
  await queue.idle();
  t.deepEqual(failures, ["The task part is not registered."]);
});
