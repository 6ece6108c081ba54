import { EncodedJson, EncodeError } from "./python-json.js";
import { pythonRepr } from "./python-repr.js";

// Errors that have a Python class, so that Python callers can catch them.

/** A task's failure in a form that Python can rebuild: the class, by its module and name, and its arguments. */
export class TaskFailure extends Error {
  /**
   * @param type the class, such as `ValueError`
   * @param args the arguments of its constructor
   * @param module where Python finds the class; clients create classes that they do not know
   */
  constructor(
    readonly type: string,
    readonly args: readonly unknown[],
    readonly module: string = "builtins",
  ) {
    super(args.map(textOfThrown).join(", "));
    this.name = type;
  }
}

/** No handler is registered for the task. */
export const notRegistered = (task: string) => new TaskFailure("NotRegistered", [task], "celery.exceptions");
export const taskRevoked = (why: "revoked" | "terminated" | "expired") =>
  new TaskFailure("TaskRevokedError", [why], "celery.exceptions");
export const softTimeLimitExceeded = () =>
  new TaskFailure("SoftTimeLimitExceeded", [], "billiard.exceptions");
export const timeLimitExceeded = (seconds: number) =>
  new TaskFailure("TimeLimitExceeded", [seconds], "billiard.exceptions");
export const workerLost = (message: string) =>
  new TaskFailure("WorkerLostError", [message], "billiard.exceptions");
export const chordError = (message: string) => new TaskFailure("ChordError", [message], "celery.exceptions");
export const maxRetriesExceeded = (message: string) =>
  new TaskFailure("MaxRetriesExceededError", [message], "celery.exceptions");

/** JavaScript errors that Python has too; others become classes of `celery.exceptions`, which clients create. */
const PYTHON_NAMES: Readonly<Record<string, string>> = {
  Error: "Exception",
  TypeError: "TypeError",
  RangeError: "ValueError",
  SyntaxError: "SyntaxError",
  ReferenceError: "NameError",
};

/** Converts any thrown value to a failure that Python can rebuild. */
export function toTaskFailure(error: unknown): TaskFailure {
  if (error instanceof TaskFailure) return error;
  if (error instanceof EncodeError)
    return new TaskFailure("EncodeError", [error.message], "kombu.exceptions");
  if (!(error instanceof Error)) return new TaskFailure("Exception", [textOfThrown(error)]);
  const name = textOfThrown(error.name);
  const message = textOfThrown(error.message);
  const type = Object.hasOwn(PYTHON_NAMES, name) ? PYTHON_NAMES[name] : undefined;
  const failure =
    type === undefined
      ? new TaskFailure(name.replace(/\W/g, "") || "Exception", [message], "celery.exceptions")
      : new TaskFailure(type, [message]);
  if (typeof error.stack === "string") failure.stack = error.stack;
  return failure;
}

/** Anything may be thrown, even a value for which `String` throws. */
function textOfThrown(value: unknown): string {
  return typeof value === "object" || typeof value === "function" ? pythonRepr(value) : String(value);
}

/**
 * The stored form of a failure, which also counts as a part of a chord. Arguments that JSON cannot hold are stored as
 * their `repr`, as in Python.
 */
export function storedFailure({ type, args, module }: TaskFailure): Readonly<Record<string, unknown>> {
  return { exc_type: type, exc_message: args.map(encodable), exc_module: module };
}

function encodable(value: unknown): unknown {
  try {
    return new EncodedJson(value);
  } catch {
    return pythonRepr(value);
  }
}

/** Whether the data to store or send caused an error, so that a retry cannot help; other errors are the store's. */
export function isDataFault(error: unknown): boolean {
  return [EncodeError, TypeError, RangeError, SyntaxError].some((type) => error instanceof type);
}

/** Waits for `work` and ignores an error that the data to send caused. */
export async function unlessDataFault(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!isDataFault(error)) throw error;
  });
}

/** `ValueError('part')`, as Python shows it. */
export function failureRepr({ type, args }: TaskFailure): string {
  return `${type}(${args.map((arg) => pythonRepr(arg)).join(", ")})`;
}
