/** A running comparison yields to the event loop after this time, in milliseconds. */
export const TURN_INTERVAL_MS = 16;

declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** Resolves after one turn of the event loop: pending messages, timers and clicks have been handled. */
export function eventLoopTurn(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  // A message avoids the 4 ms that browsers add to nested timers.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
