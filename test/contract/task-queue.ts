// The contract of every TaskQueue, together with whatever runs its tasks.
import type { ExecutionContext, TestFn } from "ava";
import { ServiceError } from "../../src/linkage/errors.js";
import {
  type TaskCall,
  type TaskDefinition,
  TaskPutOff,
  type TaskQueue,
} from "../../src/linkage/task-queue.js";
import { until } from "../celery/until.js";

export interface OpenedTaskQueue {
  readonly queue: TaskQueue;
  /** Starts to run tasks. */
  start(): void;
}

/** A completed task and its parameters. */
interface Done {
  readonly task: string;
  readonly taskId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const PREFIX = "test.tasks.";

/** Tasks that record their parameters. */
function noteTasks() {
  const done: Done[] = [];
  const failures: { taskId: string; isLastTry: boolean | undefined }[] = [];
  const note = (task: string, taskId: string, parameters: Done["parameters"]) =>
    done.push({ task, taskId, parameters });
  const define = (
    task: string,
    parameters: readonly string[],
    run: TaskDefinition["run"],
    options: Partial<TaskDefinition> = {},
  ): TaskDefinition => ({
    name: PREFIX + task,
    parameters,
    ...options,
    async run(given, context) {
      const result = await run(given, context);
      note(task, context.taskId, given);
      return result;
    },
  });
  const fail: TaskDefinition["run"] = async (_, { taskId, isLastTry }) => {
    failures.push({ taskId, isLastTry });
    throw new Error("it cannot be done");
  };
  const definitions = [
    define("note", ["value", "more?", "parent_span?"], async () => undefined),
    define("square", ["value", "run_id?", "parent_span?"], async ({ value }) => Number(value) ** 2, {
      keepsResult: true,
      load: "compute",
    }),
    define("collect", ["results", "run_id?", "parent_span?"], async () => undefined, { load: "memory" }),
    define("fail", ["value", "parent_span?"], fail, { maxRetries: 0, keepsResult: true }),
    define("refuse", ["value", "parent_span?"], async (_, { taskId, isLastTry }) => {
      failures.push({ taskId, isLastTry });
      throw new ServiceError("invalid-arguments", "value must be another one.");
    }),
    define(
      "failOnce",
      ["value", "parent_span?"],
      async (given, context) => (failures.length === 0 ? fail(given, context) : undefined),
      { maxRetries: 1 },
    ),
    define(
      "putOff",
      ["value", "parent_span?"],
      async (_, { taskId, isLastTry, isRepeat }) => {
        failures.push({ taskId, isLastTry });
        if (failures.length < 6) throw new TaskPutOff("not yet", 0.01);
        if (isRepeat && failures.length < 7) throw new Error("putting it off counts as a try");
      },
      { maxRetries: 0 },
    ),
    define("hear", ["who?", "parent_span?"], async () => undefined, { takesPositionals: true }),
  ];
  return { definitions, done, failures };
}

const call = (task: string, parameters: TaskCall["parameters"], more: Partial<TaskCall> = {}): TaskCall => ({
  name: PREFIX + task,
  parameters,
  ...more,
});

const ids = {
  a: "3f0c0f6e-0000-8000-8000-00000000000a",
  b: "3f0c0f6e-0000-8000-8000-00000000000b",
  group: "3f0c0f6e-0000-8000-8000-0000000000cc",
};

/**
 * @param open opens a queue for this test only, with something that runs these tasks; closes it in a teardown
 */
export function testTaskQueue(
  test: TestFn,
  open: (t: ExecutionContext, definitions: readonly TaskDefinition[]) => Promise<OpenedTaskQueue>,
): void {
  const setUp = async (t: ExecutionContext) => {
    const tasks = noteTasks();
    return { ...(await open(t, tasks.definitions)), ...tasks };
  };
  const untilDone = async (done: readonly Done[], count: number) => {
    await until(`${count} tasks done`, 120_000, async () => (done.length >= count ? true : undefined));
  };

  test("runs a task with its parameters and id", async (t) => {
    const { queue, start, done } = await setUp(t);
    start();
    const value = { list: [1, null, "ü"], "of all": { kinds: true } };
    await queue.send(call("note", { value }, { id: ids.a }));
    await untilDone(done, 1);
    t.like(done[0], { task: "note", taskId: ids.a, parameters: { value } });
  });

  test("counts waiting tasks, and runs them once a worker starts", async (t) => {
    const { queue, start, done } = await setUp(t);
    t.is(await queue.depth(), 0);
    for (let value = 0; value < 5; value++) await queue.send(call("note", { value }));
    t.is(await queue.depth(), 5);
    start();
    await untilDone(done, 5);
    t.deepEqual(new Set(done.map(({ parameters }) => parameters["value"])), new Set([0, 1, 2, 3, 4]));
    await until("nothing waits", 120_000, async () => ((await queue.depth()) === 0 ? true : undefined));
  });

  for (const count of [1, 2, 250]) {
    test(`the callback of a chord of ${count} gets the results in order`, async (t) => {
      const { queue, start, done } = await setUp(t);
      start();
      const parts = Array.from({ length: count }, (_, value) => call("square", { value }));
      await queue.sendChord(parts, call("collect", { run_id: "r" }, { id: ids.b }), ids.group);
      await untilDone(done, count + 1);
      const results = parts.map((_, value) => value ** 2);
      t.like(done.at(-1), { task: "collect", taskId: ids.b, parameters: { results, run_id: "r" } });
    });
  }

  test("the parts of a chord can be a stream", async (t) => {
    const { queue, start, done } = await setUp(t);
    start();
    async function* parts() {
      for (let value = 0; value < 20; value++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield call("square", { value });
      }
    }
    await queue.sendChord(parts(), call("collect", {}), ids.group);
    await untilDone(done, 21);
    const results = Array.from({ length: 20 }, (_, value) => value ** 2);
    t.deepEqual(done.at(-1)!.parameters["results"], results);
  });

  test("a chord that is sent twice completes once", async (t) => {
    const { queue, start, done } = await setUp(t);
    const parts = [1, 2, 3].map((value) =>
      call("square", { value }, { id: `3f0c0f6e-0000-8000-8000-00000000000${value}` }),
    );
    for (let n = 0; n < 2; n++) await queue.sendChord(parts, call("collect", {}, { id: ids.b }), ids.group);
    start();
    await until("the chord's end, and nothing waits", 120_000, async () => {
      const isOver = done.some(({ task }) => task === "collect") && (await queue.depth()) === 0;
      return isOver ? true : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 300)); // time for a second end, if there were one
    const ends = done.filter(({ task }) => task === "collect");
    t.deepEqual(
      ends.map(({ parameters }) => parameters["results"]),
      [[1, 4, 9]],
    );
  });

  test("a task that finally fails triggers its error handler with its id", async (t) => {
    const { queue, start, done, failures } = await setUp(t);
    start();
    await queue.send(call("fail", { value: 1 }, { id: ids.a, onError: call("hear", { who: "me" }) }));
    await untilDone(done, 1);
    t.like(done[0], { task: "hear", parameters: { args: [ids.a], who: "me" } });
    t.deepEqual(failures, [{ taskId: ids.a, isLastTry: true }]);
  });

  test("a chord part that finally fails triggers the error handler of the callback", async (t) => {
    const { queue, start, done } = await setUp(t);
    start();
    const parts = [call("square", { value: 1 }), call("fail", { value: 2 }), call("square", { value: 3 })];
    const onError = call("hear", { who: "me" });
    await queue.sendChord(parts, call("collect", {}, { id: ids.b, onError }), ids.group);
    await until("it is heard", 120_000, async () =>
      done.some(({ task }) => task === "hear") ? true : undefined,
    );
    t.like(
      done.find(({ task }) => task === "hear"),
      { parameters: { args: [ids.b], who: "me" } },
    );
    t.false(done.some(({ task }) => task === "collect"));
  });

  test("retries a failed task under the same id", async (t) => {
    const { queue, start, done, failures } = await setUp(t);
    start();
    await queue.send(call("failOnce", { value: 1 }, { id: ids.a }));
    await untilDone(done, 1);
    t.like(done[0], { task: "failOnce", taskId: ids.a, parameters: { value: 1 } });
    t.deepEqual(failures, [{ taskId: ids.a, isLastTry: false }]);
  });

  test("a postponed task does not count as failed, and runs under the same id", async (t) => {
    const { queue, start, done, failures } = await setUp(t);
    start();
    await queue.send(call("putOff", { value: 1 }, { id: ids.a, onError: call("hear", {}) }));
    await untilDone(done, 1);
    t.like(done[0], { task: "putOff", taskId: ids.a, parameters: { value: 1 } });
    t.is(failures.length, 6);
  });

  test("does not retry a task with invalid arguments", async (t) => {
    const { queue, start, done, failures } = await setUp(t);
    start();
    await queue.send(call("refuse", { value: 1 }, { id: ids.a, onError: call("hear", {}) }));
    await untilDone(done, 1);
    t.like(done[0], { task: "hear", parameters: { args: [ids.a] } });
    t.is(failures.length, 1);
  });

  test("check() succeeds", async (t) => {
    const { queue } = await setUp(t);
    await t.notThrowsAsync(queue.check(AbortSignal.timeout(120_000)));
  });
}
