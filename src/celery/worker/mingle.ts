import { broadcast } from "../broadcast.js";
import type { CeleryBroker } from "../broker.js";
import type { LamportClock } from "./clock.js";
import type { RevokedIds } from "./revoked-ids.js";

/** How long a starting worker waits for its neighbors; as in Celery. */
const TIMEOUT_MS = 1000;

/**
 * Exchanges state with the workers that are already running, as Celery's workers do when they start: all learn of each
 * other's revoked ids, and this one of the others' logical time. Does nothing if none of them answers in time.
 *
 * @param revoked the ids known here; undefined to ignore revokes
 */
export async function mingle(
  broker: CeleryBroker,
  hostname: string,
  clock: LamportClock,
  revoked: RevokedIds | undefined,
): Promise<void> {
  const args = { from_node: hostname, revoked: revoked?.list() ?? [] };
  const replies = await broadcast({ broker }, "hello", args, { timeoutMs: TIMEOUT_MS, clock }).catch(
    () => [],
  );
  for (const [node, reply] of replies) {
    if (node === hostname || typeof reply !== "object" || reply === null) continue;
    const { clock: time, revoked: ids } = reply as { clock?: unknown; revoked?: unknown };
    clock.adjust(time);
    revoked?.merge(revokedIdsIn(ids));
  }
}

/**
 * Revoked ids as a worker sends them: a list from Celery ≥ 5.7 and our workers; from older ones the keys of an object,
 * whose values are times of a clock that only their machine has.
 */
export function revokedIdsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
