/** The user pressed Ctrl-C, or the system asked the command to end. */
export class Interrupted extends Error {}

/** A signal that aborts with {@link Interrupted} at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interrupted());
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  return controller.signal;
}
