import { pythonRepr } from "../python-repr.js";
import { isTrueInPython } from "../read-envelope.js";
import { TaskFailure } from "../task-errors.js";
import { type Command, ok, required, requiredText, textsOf } from "./command.js";
import { heldTasks } from "./held-tasks.js";
import { signalName } from "./signal-name.js";

const revoke: Command = ({ worker }, args) => {
  const ids = [...new Set(textsOf(required(args, "task_id", "revoke")))];
  if (!isTrueInPython(args["terminate"])) {
    worker.revoke(ids, { terminate: false, signal: "SIGTERM" });
    const set = ids.length === 0 ? "set()" : `{${ids.map((id) => pythonRepr(id)).join(", ")}}`;
    return ok(`tasks ${set} flagged as revoked`);
  }
  const signal = signalName(args["signal"]);
  const held = new Set(heldTasks(worker).map(({ request }) => request.id));
  worker.revoke(ids, { terminate: true, signal });
  const terminated = ids.filter((id) => held.has(id));
  return ok(terminated.length === 0 ? "terminate: tasks unknown" : `terminate: ${terminated.join(", ")}`);
};

const terminate: Command = (context, args) => {
  const [signal, taskId] = [
    requiredText(args, "signal", "terminate"),
    required(args, "task_id", "terminate"),
  ];
  return revoke(context, { task_id: taskId, terminate: true, signal });
};

const revokeByStampedHeaders: Command = ({ worker }, args) => {
  const headers = stampedHeaders(required(args, "headers", "revoke_by_stamped_headers"));
  const shown = pythonRepr(headers);
  const signal = signalName(args["signal"]);
  const toTerminate = isTrueInPython(args["terminate"]);
  const terminated = Object.entries(headers).filter(([name, stamps]) =>
    worker.active().some(({ stamps: own }) => textsOf(own?.[name]).some((stamp) => stamps.includes(stamp))),
  );
  worker.revokeByStampedHeaders(headers, { terminate: toTerminate, signal });
  if (!toTerminate) return ok(`headers ${shown} flagged as revoked, but not terminated`);
  if (terminated.length === 0) return ok(`headers ${shown} were not terminated`);
  return ok(`headers ${pythonRepr(Object.fromEntries(terminated))} revoked`);
};

/** Given as a dict whose values are a string or a list or, by the command line, as `name=value` strings. */
function stampedHeaders(headers: unknown): Readonly<Record<string, readonly string[]>> {
  if (Array.isArray(headers)) {
    const pairs = textsOf(headers).map((header) => header.split("="));
    if (pairs.some((pair) => pair.length < 2))
      throw new TaskFailure("IndexError", ["list index out of range"]);
    return Object.fromEntries(pairs.map(([name, value]) => [name, [value!]]));
  }
  if (typeof headers !== "object" || headers === null) {
    throw new TaskFailure("TypeError", [
      "revoke_by_stamped_headers() argument 'headers' must be a dict or a list",
    ]);
  }
  return Object.fromEntries(Object.entries(headers).map(([name, stamps]) => [name, textsOf(stamps)]));
}

/** Commands that revoke tasks, or terminate running ones. */
export const REVOKE_COMMANDS: Readonly<Record<string, Command>> = {
  revoke,
  terminate,
  revoke_by_stamped_headers: revokeByStampedHeaders,
};
