import type { Socket } from "node:net";
import type { Redis } from "ioredis";

/** Internals of the driver that show whether a connection is waiting for an answer. */
interface DriverState {
  readonly stream?: (Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null }) | null;
  /** Commands that were sent and have no answer yet. */
  readonly commandQueue?: { readonly length: number };
}

/** The fraction of the deadline after which an idle connection is sent a PING. */
const IDLE_SHARE = 1 / 2;
/** The fraction of the deadline that a new connection has for its handshake. */
const HANDSHAKE_SHARE = 1 / 2;
const MAX_TICK_MS = 1000;

/**
 * Closes a connection whose server has gone silent. A network or proxy that drops packets does not end the connection:
 * without a deadline, its commands wait until TCP gives up, which takes a quarter of an hour, or forever.
 *
 * A command must be answered within the deadline, unless bytes still move in either direction. A connection that waits
 * for nothing, such as a subscriber, is checked with a PING. After the close, the driver reconnects and sends the
 * unanswered commands again.
 *
 * Node's `socket.setTimeout` does not work here: each write restarts it, and a worker that sends events to an
 * unreachable server writes all the time.
 */
export function cutWhenSilent(redis: Redis, deadlineMs: number): void {
  const tickMs = Math.min(MAX_TICK_MS, Math.max(10, deadlineMs / 10));
  const state = redis as unknown as DriverState;
  let socket: DriverState["stream"];
  let progress = "";
  let silentSince = 0;
  let lastTick = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // After this process was paused, answers may be waiting in the socket; they are read after this timer.
    const wasPaused = now - lastTick > 3 * tickMs;
    lastTick = now;
    const { stream } = state;
    const isOpen = redis.status === "connect" || redis.status === "ready";
    const seen = `${stream?.bytesRead} ${stream?._handle?.writeQueueSize}`;
    if (!isOpen || wasPaused || stream !== socket || seen !== progress) {
      socket = stream;
      progress = seen;
      silentSince = now;
      return;
    }
    const silentMs = now - silentSince;
    if ((state.commandQueue?.length ?? 0) > 0) {
      if (silentMs >= deadlineMs * (redis.status === "ready" ? 1 : HANDSHAKE_SHARE)) reset(socket);
    } else if (silentMs >= deadlineMs * IDLE_SHARE) {
      silentSince = now;
      redis.ping().catch(() => {}); // only the answer matters
    }
  }, tickMs);
  timer.unref();
  redis.once("end", () => clearInterval(timer));
}

/**
 * Closes a socket and discards what the kernel has not delivered yet. After an ordinary close, the kernel would keep
 * sending it. The server would then execute commands that no caller waits for, and resent commands twice.
 */
export function reset(socket: Socket | null | undefined): void {
  if (!socket) return;
  try {
    socket.resetAndDestroy();
    // If bytes are waiting to be written, destroy at once: they may wait forever. Otherwise do not, because a socket
    // that is shutting down cannot be reset: it would stay open, and its process would never exit.
    if (socket.writableLength === 0) return;
  } catch {} // TLS and Unix sockets cannot be reset
  socket.destroy();
}
