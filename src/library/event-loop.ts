/** After this long, in milliseconds, a running comparison lets the event loop turn. */
export const TURN_INTERVAL_MS = 16;

declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** Resolves after the event loop has turned once: messages, timers and clicks that are waiting have been served. */
export function eventLoopTurn(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  // A message comes without the 4 ms that browsers add to nested timers.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
