import { constants } from "node:os";
import { cutText } from "../cut-text.js";
import { TaskFailure } from "../task-errors.js";

/**
 * The name of a signal that a client gave as `SIGTERM`, `TERM` or a number; SIGTERM if it gave none.
 *
 * @throws TaskFailure TypeError, ValueError or AttributeError, with Python's message
 */
export function signalName(signal: unknown): NodeJS.Signals {
  if (signal === null || signal === undefined || signal === "") return "SIGTERM";
  if (typeof signal === "number") {
    const found = Object.entries(constants.signals).find(([, value]) => value === signal);
    if (found === undefined) throw new TaskFailure("ValueError", [`${signal} is not a valid Signals`]);
    return found[0] as NodeJS.Signals;
  }
  if (typeof signal !== "string" || signal !== signal.toUpperCase()) {
    throw new TaskFailure("TypeError", ["signal name must be uppercase string."]);
  }
  const name = signal.startsWith("SIG") ? signal : `SIG${signal}`;
  if (Object.hasOwn(constants.signals, name)) return name as NodeJS.Signals;
  throw new TaskFailure("AttributeError", [`module 'signal' has no attribute '${cutText(name, 80)}'`]);
}
