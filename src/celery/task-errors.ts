import { pythonRepr } from "./python-repr.js";

// Errors that have a Python class, so that a Python caller gets what it would catch.

/** A failure of a task, as Python rebuilds it: the class by its module and name, made with `args`. */
export class TaskFailure extends Error {
  /**
   * @param type the class, such as `ValueError`
   * @param args what it is made with
   * @param module where Python finds the class; unknown classes are made up by the client
   */
  constructor(
    readonly type: string,
    readonly args: readonly unknown[],
    readonly module: string = "builtins",
  ) {
    super(args.map(String).join(", "));
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

/** JavaScript's errors that Python has too; others become classes of `celery.exceptions`, which a client makes up. */
const PYTHON_NAMES: Readonly<Record<string, string>> = {
  Error: "Exception",
  TypeError: "TypeError",
  RangeError: "ValueError",
  SyntaxError: "SyntaxError",
  ReferenceError: "NameError",
};

/** Any thrown value as a failure that Python can rebuild. */
export function toTaskFailure(error: unknown): TaskFailure {
  if (error instanceof TaskFailure) return error;
  if (!(error instanceof Error)) return new TaskFailure("Exception", [String(error)]);
  const type = Object.hasOwn(PYTHON_NAMES, error.name) ? PYTHON_NAMES[error.name] : undefined;
  const failure =
    type === undefined
      ? new TaskFailure(error.name.replace(/\W/g, "") || "Exception", [error.message], "celery.exceptions")
      : new TaskFailure(type, [error.message]);
  if (error.stack !== undefined) failure.stack = error.stack;
  return failure;
}

/** `ValueError('part')`, as Python shows it. */
export function failureRepr({ type, args }: TaskFailure): string {
  return `${type}(${args.map((arg) => pythonRepr(arg)).join(", ")})`;
}
