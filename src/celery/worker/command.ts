import { TaskFailure } from "../task-errors.js";
import type { LamportClock } from "./clock.js";
import type { ControlledWorker } from "./controlled-worker.js";
import type { EventSender } from "./events.js";

/** What a command acts on. */
export interface CommandContext {
  readonly worker: ControlledWorker;
  readonly events: EventSender;
  readonly clock: LamportClock;
}

/**
 * A remote control command. It takes keyword arguments and returns the reply: `undefined` for Python's None,
 * {@link NO_REPLY} to send none. Whatever it throws becomes the reply `{error}`.
 */
export type Command = (context: CommandContext, args: Readonly<Record<string, unknown>>) => unknown;

export const NO_REPLY = Symbol("no reply");

export const ok = (value: string) => ({ ok: value });
export const nok = (value: string) => ({ error: value });

/**
 * An argument that a command requires.
 *
 * @throws TaskFailure TypeError, with Python's message
 */
export function required(args: Readonly<Record<string, unknown>>, name: string, command: string): unknown {
  const value = args[name];
  if (value !== undefined) return value;
  throw new TaskFailure("TypeError", [`${command}() missing 1 required positional argument: '${name}'`]);
}

/**
 * The same for a non-empty string.
 *
 * @throws TaskFailure TypeError
 */
export function requiredText(args: Readonly<Record<string, unknown>>, name: string, command: string): string {
  const value = required(args, name, command);
  if (typeof value === "string" && value !== "") return value;
  throw new TaskFailure("TypeError", [`${command}() argument '${name}' must be a str that is not empty`]);
}

/** One string, or the strings in a list; anything else is left out. */
export function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each): each is string => typeof each === "string");
}
