/** A message claimed from a queue; it stays in `unacked` until it is acknowledged. */
export interface ClaimedMessage {
  readonly queue: string;
  readonly tag: string;
  /** The queue's item, unchanged; undefined if it has too many bytes. */
  readonly raw: Buffer | undefined;
  readonly byteLength: number;
  readonly taskId: string | undefined;
  readonly taskName: string | undefined;
}

/** An item of a queue that is not a message; it goes to the queue's list of rejected items. */
export interface RejectedItem {
  readonly queue: string;
  /** A sentence. */
  readonly reason: string;
  readonly taskId: string | undefined;
  readonly taskName: string | undefined;
}

/** The SHA-1 of an item that Redis could not read, and what the worker read from it; without a tag, it is rejected. */
export interface ReadItem {
  readonly digest: string;
  readonly tag?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
}

/** The result of a claim. An empty tag means an item that Redis could not read, with its SHA-1. */
export type Claim = ClaimedMessage & { readonly digest: string };

/** What {@link CLAIM} returns. */
export type ClaimAnswer = readonly [
  index: number,
  tag: Buffer,
  raw: Buffer,
  byteLength: number,
  taskIdOrDigest: Buffer,
  taskName?: Buffer,
];

/** @param queues the queue of each list that was checked */
export function readClaim(
  [index, tag, raw, byteLength, taskIdOrDigest, taskName]: ClaimAnswer,
  queues: readonly string[],
): Claim {
  const isRead = tag.length > 0;
  return {
    queue: queues[index]!,
    tag: tag.toString(),
    raw: raw.length === byteLength ? raw : undefined,
    byteLength,
    taskId: isRead ? taskIdOrDigest.toString() || undefined : undefined,
    taskName: taskName?.toString() || undefined,
    digest: isRead ? "" : taskIdOrDigest.toString(),
  };
}
