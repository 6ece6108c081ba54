import type { TaskContext } from "../../src/celery/index.js";

/** Keeps its process busy, so that only a signal can stop it early. */
export function block({ seconds }: { seconds: number }): number {
  const end = Date.now() + 1000 * seconds;
  while (Date.now() < end);
  return seconds;
}

/** Returns the id of the process that executes it. */
export function pid(): number {
  return process.pid;
}

/** Waits for `seconds`, or until it is aborted: then it fails with the reason. */
export async function heed({ seconds }: { seconds: number }, { signal }: TaskContext): Promise<number> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
  return seconds;
}

/** Kills its process, as a crash would. */
export function crash(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Crashes unless its message has been redelivered. */
export function crashOnce(_: unknown, { deliveryInfo }: TaskContext): boolean {
  if (deliveryInfo.redelivered !== true) crash();
  return true;
}

export function nothing(): void {}

/** Returns a value that cannot be sent to another process. */
export function aFunction(): () => void {
  return () => {};
}
