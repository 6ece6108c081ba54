/** The user pressed Ctrl-C, or the system asked the command to stop. */
export class Interrupted extends Error {
  /** 128 plus the number of the signal, as in shells. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

/** A signal that aborts with {@link Interrupted} at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort(new Interrupted(130)));
  process.once("SIGTERM", () => controller.abort(new Interrupted(143)));
  return controller.signal;
}
