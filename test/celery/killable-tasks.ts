import type { TaskContext } from "../../src/celery/index.js";

/** Keeps its process busy, so that nothing but a signal ends it before its time. */
export function block({ seconds }: { seconds: number }): number {
  const end = Date.now() + 1000 * seconds;
  while (Date.now() < end);
  return seconds;
}

/** The process that ran it. */
export function pid(): number {
  return process.pid;
}

/** Waits until it is asked to end, and fails with what it is told. */
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

/** Ends its process as a crash would. */
export function crash(): void {
  process.kill(process.pid, "SIGKILL");
}

/** The same, but for a message that has been delivered before. */
export function crashOnce(_: unknown, { deliveryInfo }: TaskContext): boolean {
  if (deliveryInfo.redelivered !== true) crash();
  return true;
}
