import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { type CeleryApp, type TaskContext, TaskFailure, type TaskHandler } from "../../src/celery/index.js";
import { heed } from "./killable-tasks.js";

const killable = new URL("./killable-tasks.ts", import.meta.url);

/** What a task knows of its call, with the names that app.py gives it. */
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

/** Registers the tasks of app.py under the same names, and some that only our side has. */
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

  task<{ message: string }>("ts.type_error", ["message"], ({ message }) => {
    throw new TypeError(message);
  });
  app.task("ts.rated", { parameters: ["key"] }, async ({ key }) => {
    await record(`rated:${key}`, Date.now());
    return null;
  });
  app.taskModule("ts.block", { parameters: ["seconds"], module: killable, export: "block" });
  app.taskModule("ts.pid", { parameters: [], module: killable, export: "pid" });
  app.taskModule("ts.heed", { parameters: ["seconds"], module: killable, export: "heed" });
  app.taskModule("ts.crash", { parameters: [], module: killable, export: "crash" });
  app.taskModule("ts.crash_once", { parameters: [], module: killable, export: "crashOnce" });
  app.task<{ seconds: number }>("ts.heed_here", { parameters: ["seconds"] }, heed);
}
