import type { Redis } from "ioredis";
import { reconnectionOf } from "./reconnection.js";
import { cutWhenSilent, reset } from "./socket-deadline.js";

/** Commands without an answer yet; internal to the driver. */
interface CommandQueue {
  readonly length: number;
  peekAt(index: number): unknown;
  unshift(command: unknown): void;
}

/**
 * Makes a connection recover by itself, with all commands that were sent and not answered. When a connection is lost,
 * the driver keeps its commands and sends them again on the next one. If that is lost too before it is ready, as behind
 * a proxy whose server is down, the driver keeps the new connection's own commands instead and forgets the earlier
 * ones, whose callers then wait forever. Here, the earlier commands stay in front of the new ones.
 *
 * A connection whose server is silent for longer than the deadline is closed. A lost connection reconnects in
 * coordination with the others to the same server.
 *
 * @returns the connection
 */
export function outliveConnections(redis: Redis, deadlineMs: number): Redis {
  cutWhenSilent(redis, deadlineMs);
  reconnectionOf(redis).add(redis);
  redis.on("error", () => {}); // the caller that waits for an answer decides how long
  let kept: CommandQueue | null = null;
  Object.defineProperty(redis, "prevCommandQueue", {
    get: () => kept,
    set(queue: CommandQueue | null) {
      if (kept !== null && queue !== null && kept !== queue) {
        for (let n = kept.length - 1; n >= 0; n--) queue.unshift(kept.peekAt(n));
      }
      kept = queue;
    },
  });
  return redis;
}

/** Closes a connection for good. Unanswered commands are dropped, not sent later. */
export function closeConnection(redis: Redis): void {
  const { commandQueue, stream } = redis as unknown as {
    readonly commandQueue?: CommandQueue;
    readonly stream?: Parameters<typeof reset>[0];
  };
  const isWaiting = (commandQueue?.length ?? 0) > 0;
  // Reset first: a socket that is shutting down cannot be reset and would keep its process from exiting.
  if (isWaiting) reset(stream);
  redis.disconnect();
  reconnectionOf(redis).remove(redis); // the driver emits no event for a connection that was waiting to retry
}
