import { parseRate } from "../rate.js";
import { failureRepr, TaskFailure } from "../task-errors.js";
import { type Command, type CommandContext, NO_REPLY, nok, ok, required, requiredText } from "./command.js";

/** The most places that one command may add or remove. */
const MAX_RESIZED = 1000;

const rateLimit: Command = ({ worker }, args) => {
  const task = requiredText(args, "task_name", "rate_limit");
  const rate = required(args, "rate_limit", "rate_limit");
  let perSecond: number;
  try {
    perSecond = parseRate(rate);
  } catch (error) {
    if (!(error instanceof TaskFailure) || error.type !== "ValueError") throw error;
    return nok(`Invalid rate limit string: ${failureRepr(error)}`);
  }
  if (!knowsTask(() => worker.setRateLimit(task, perSecond))) return nok("unknown task");
  return ok(rate ? "new rate limit set successfully" : "rate limit disabled successfully");
};

const timeLimit: Command = ({ worker }, args) => {
  const task = requiredText(args, "task_name", "time_limit");
  const [hard, soft] = [secondsOf(args["hard"]), secondsOf(args["soft"])];
  if (!knowsTask(() => worker.setTimeLimits(task, hard, soft))) return nok("unknown task");
  return ok("time limits set successfully");
};

/** Runs an action; returns false if it throws a RangeError because the task is not registered. */
function knowsTask(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function secondsOf(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value === 0 ? null : value;
  throw new TaskFailure("TypeError", ["a time limit must be a number of seconds"]);
}

function resizePool({ worker }: CommandContext, count: unknown, direction: 1 | -1): void {
  const places = count ?? 1;
  if (typeof places !== "number" || !Number.isInteger(places) || places < 0 || places > MAX_RESIZED) {
    throw new TaskFailure("ValueError", [`n must be a whole number from 0 to ${MAX_RESIZED}.`]);
  }
  if (places > 0) worker.resizePool(direction * places);
}

/** Commands that change how a worker operates. */
export const CONTROL_COMMANDS: Readonly<Record<string, Command>> = {
  rate_limit: rateLimit,
  time_limit: timeLimit,
  pool_grow: (context, { n }) => {
    resizePool(context, n, 1);
    return ok("pool will grow");
  },
  pool_shrink: (context, { n }) => {
    resizePool(context, n, -1);
    return ok("pool will shrink");
  },
  pool_restart: () => {
    throw new TaskFailure("ValueError", ["Pool restarts not enabled"]);
  },
  autoscale: () => {
    throw new TaskFailure("ValueError", ["Autoscale not enabled"]);
  },
  add_consumer: ({ worker }, args) => {
    const queue = requiredText(args, "queue", "add_consumer");
    worker.addConsumer(queue);
    return ok(`add consumer ${queue}`);
  },
  cancel_consumer: ({ worker }, args) => {
    const queue = requiredText(args, "queue", "cancel_consumer");
    worker.cancelConsumer(queue);
    return ok(`no longer consuming from ${queue}`);
  },
  enable_events: ({ events }) => {
    if (events.isEnabled) return ok("task events already enabled");
    events.enable();
    return ok("task events enabled");
  },
  disable_events: ({ events }) => {
    if (!events.isEnabled) return ok("task events already disabled");
    events.disable();
    return ok("task events disabled");
  },
  heartbeat: ({ events }) => events.workerHeartbeat(),
  shutdown: ({ worker }) => {
    worker.shutdown();
    return NO_REPLY;
  },
  election: () => undefined, // this worker does not take part
};
