import type { Socket } from "node:net";
import type pg from "pg";

/** A query may be quiet for this long before the server is probed on another connection. */
const QUIET_MS = 5000;
const TICK_MS = 1000;
/** Pause between two probes while the server answers them. */
const PROBE_PAUSE_MS = 10_000;

/**
 * Finds out from the server, on a new connection, which of the waiting connections it is not working for; rejects soon
 * if the server does not answer. Before it resolves, it ends the sessions of the connections that `giveUp` returns,
 * which releases their locks.
 */
export type Probe = (
  waiting: readonly pg.ClientBase[],
  giveUp: (idle: readonly pg.ClientBase[]) => readonly pg.ClientBase[],
) => Promise<void>;

/**
 * Cuts connections in use whose server went silent, as behind a network that drops packets. A query may take any time,
 * so a quiet connection alone proves nothing. But if the server was unreachable on a new connection and is reachable
 * again, a connection that has been quiet since before then is unlikely to recover. So is one that awaits an answer
 * while its session on the server is gone, or waits for the client. The query then fails as with any lost connection.
 */
export class SilenceWatch {
  readonly #probe: Probe;
  readonly #used = new Map<pg.ClientBase, { bytes: number; quietSince: number }>();
  #timer: NodeJS.Timeout | undefined;
  #isProbing = false;
  #nextProbe = 0;
  /** When the latest probe that got no answer started. */
  #unreachableAt = 0;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  /** Watches a connection, which is in use from now on. */
  add(client: pg.ClientBase): void {
    this.#used.set(client, { bytes: socketOf(client).bytesRead, quietSince: performance.now() });
    this.#timer ??= setInterval(() => this.#look(), TICK_MS).unref();
  }

  remove(client: pg.ClientBase): void {
    this.#used.delete(client);
    if (this.#used.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    let isQuiet = false;
    for (const [client, state] of this.#used) {
      const bytes = socketOf(client).bytesRead;
      if (bytes !== state.bytes) Object.assign(state, { bytes, quietSince: now });
      else isQuiet ||= now - state.quietSince > QUIET_MS;
    }
    if (isQuiet && !this.#isProbing && now >= this.#nextProbe) void this.#ask(now);
  }

  async #ask(now: number): Promise<void> {
    this.#isProbing = true;
    let lost: pg.ClientBase[] = [];
    const quietBefore = now - QUIET_MS;
    try {
      await this.#probe(this.#quiet(quietBefore).filter(isWaiting), (idle) => {
        const isStillQuiet = new Set(this.#quiet(quietBefore));
        lost = [...this.#quiet(this.#unreachableAt), ...idle.filter((each) => isStillQuiet.has(each))];
        return lost;
      });
      this.#nextProbe = performance.now() + PROBE_PAUSE_MS;
    } catch {
      if (lost.length === 0) this.#unreachableAt = now;
    } finally {
      this.#isProbing = false;
      for (const client of lost) socketOf(client).destroy();
    }
  }

  /** Connections that have been quiet since before the given time. */
  #quiet(before: number): pg.ClientBase[] {
    return [...this.#used]
      .filter(([client, { bytes, quietSince }]) => {
        return quietSince < before && socketOf(client).bytesRead === bytes;
      })
      .map(([client]) => client);
  }
}

/** Whether a query on this connection has no answer yet. */
function isWaiting(client: pg.ClientBase): boolean {
  return !(client as unknown as { readonly readyForQuery: boolean }).readyForQuery;
}

/** The driver's socket, which is not part of its public API. */
export function socketOf(client: pg.ClientBase): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}
