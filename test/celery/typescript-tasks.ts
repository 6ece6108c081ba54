import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { type CeleryApp, type TaskContext, TaskFailure, type TaskHandler } from "../../src/celery/index.js";
import { block, heed } from "./killable-tasks.js";
import { nestedArrays } from "./raw-message.js";

const killable = new URL("./killable-tasks.ts", import.meta.url);

/** What a task knows about its call, under the names used in app.py. */
function circumstances({ id, retries, headers, deliveryInfo, hostname }: TaskContext) {
  return {
    lang: "ts",
    id,
    parent_id: headers.parent_id ?? null,
    root_id: headers.root_id ?? null,
    retries,
    hostname,
    redelivered: deliveryInfo.redelivered === true,
    priority: deliveryInfo.priority ?? null,
    routing_key: deliveryInfo.routing_key,
    pid: process.pid,
  };
}

/** Registers the tasks of app.py under the same names, and some that exist only on our side. */
export function registerTasks(app: CeleryApp, records: Redis): void {
  const record = (key: string, value: unknown) => records.rpush(key, JSON.stringify(value));
  const task = <P extends Record<string, unknown>>(
    name: string,
    parameters: string[],
    handler: TaskHandler<P>,
  ) => app.task<P>(name, { parameters }, handler);

  task<{ x: number; y: number }>("tasks.add", ["x", "y"], ({ x, y }) => x + y);
  task<{ x: number; y: number }>("tasks.mul", ["x", "y"], ({ x, y }) => x * y);
  task<{ numbers: number[] }>("tasks.tsum", ["numbers"], ({ numbers }) => numbers.reduce((a, b) => a + b, 0));
  task<{ numbers: number[] }>("tasks.collect", ["numbers"], async ({ numbers }) => {
    await record("collected", numbers);
    return numbers.reduce((a, b) => a + b, 0);
  });
  task<{ value: unknown }>("tasks.echo", ["value"], ({ value }) => value);
  task<{ seconds: number; value: unknown }>(
    "tasks.sleep",
    ["seconds", "value?"],
    async ({ seconds, value }) => {
      await pause(1000 * seconds);
      return value ?? null;
    },
  );
  task<{ message: string }>("tasks.fail", ["message"], ({ message }) => {
    throw new TaskFailure("ValueError", [message]);
  });
  task<{ seconds: number; message: string }>("tasks.fail_after", ["seconds", "message"], async (given) => {
    await pause(1000 * given.seconds);
    throw new TaskFailure("ValueError", [given.message]);
  });
  task("tasks.report", [], (_, context) => circumstances(context));
  task<{ steps: unknown[] }>("tasks.trail", ["steps"], ({ steps }, context) => [
    ...steps,
    circumstances(context),
  ]);
  task<{ key: string; seconds: number }>(
    "tasks.slow",
    ["key", "seconds"],
    async ({ key, seconds }, context) => {
      const about = circumstances(context);
      await record(`begun:${key}`, about);
      await pause(1000 * seconds);
      await record(`done:${key}`, about);
      return about;
    },
  );
  task<{ number: number }>("tasks.mark", ["number"], async ({ number }) => {
    await records.multi().sadd("marked", String(number)).incr("marks:ts").exec();
    return null;
  });
  app.task<{ times: number; countdown: number; key: string }>(
    "tasks.retrying",
    { parameters: ["times", "countdown", "key"], maxRetries: 3 },
    async ({ times, countdown, key }, context) => {
      await record(`attempts:${key}`, circumstances(context));
      if (context.retries < times) {
        context.retry({ countdownSeconds: countdown, error: new TaskFailure("ValueError", ["not yet"]) });
      }
      return context.retries;
    },
  );
  task<{ task_id: string }>("tasks.errback", ["task_id"], ({ task_id }) =>
    record("errbacks", { id: task_id }),
  );

  // Missing results, and results that JSON cannot represent.
  task("ts.nothing", [], () => undefined);
  app.taskModule("ts.nothing_elsewhere", { parameters: [], module: killable, export: "nothing" });
  app.taskModule("ts.function_elsewhere", { parameters: [], module: killable, export: "aFunction" });
  task("ts.circular", [], () => {
    const circular: unknown[] = [];
    circular.push(circular);
    return circular;
  });
  task("ts.to_json", [], () => ({
    toJSON() {
      throw new Error("no");
    },
  }));
  task<{ depth: number }>("ts.nested", ["depth"], ({ depth }) => nestedArrays(depth));
  task("ts.digits", [], () => 10n ** 5000n);
  task("ts.fail_circular", [], () => {
    const circular: unknown[] = ["a"];
    circular.push(circular);
    throw new TaskFailure("ValueError", ["bad", circular]);
  });
  task("ts.throw_odd", [], () => {
    throw Object.assign(Object.create(null), { a: 1 });
  });
  task("ts.retry_never", [], (_, context) => context.retry({ countdownSeconds: Number.MAX_VALUE }));

  task<{ message: string }>("ts.type_error", ["message"], ({ message }) => {
    throw new TypeError(message);
  });
  app.task("ts.rated", { parameters: ["key"] }, async ({ key }) => {
    await record(`rated:${key}`, Date.now());
    return null;
  });
  task<{ key: string; seconds: number }>("ts.heeding", ["key", "seconds"], async (given, context) => {
    const about = circumstances(context);
    await record(`begun:${given.key}`, about);
    try {
      await heed(given, context);
    } catch (error) {
      await record(`stopped:${given.key}`, about);
      throw error;
    }
    await record(`done:${given.key}`, about);
    return about;
  });
  task<{ key: string; seconds: number }>("ts.block_here", ["key", "seconds"], async (given, context) => {
    const about = circumstances(context);
    await record(`begun:${given.key}`, about);
    if (!about.redelivered) block(given);
    await record(`done:${given.key}`, about);
    return about;
  });
  app.taskModule("ts.block", { parameters: ["seconds"], module: killable, export: "block" });
  app.taskModule("ts.slow_to_load", {
    parameters: [],
    module: new URL("./slow-to-load.ts", import.meta.url),
  });
  app.taskModule("ts.pid", { parameters: [], module: killable, export: "pid" });
  app.taskModule("ts.heed", { parameters: ["seconds"], module: killable, export: "heed" });
  app.taskModule("ts.crash", { parameters: [], module: killable, export: "crash" });
  app.taskModule("ts.crash_once", { parameters: [], module: killable, export: "crashOnce" });
  app.task<{ seconds: number }>("ts.heed_here", { parameters: ["seconds"] }, heed);
}
