import type { Redis } from "ioredis";

/** Commands that have no answer yet: part of the driver's inside. */
interface CommandQueue {
  readonly length: number;
  peekAt(index: number): unknown;
  unshift(command: unknown): void;
}

/**
 * Prepares a connection to come back by itself, with all that was sent and not answered. Of a connection that is lost, the
 * driver keeps the commands to send them again on the next one; where that is lost too before it is ready, as behind a
 * proxy whose server is away, it keeps the new connection's own commands in their place, and forgets the others: who sent
 * them waits for ever. Here they stay in front of the new ones.
 *
 * @returns the connection
 */
export function outliveConnections(redis: Redis): Redis {
  redis.on("error", () => {}); // whoever waits for an answer decides how long
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
