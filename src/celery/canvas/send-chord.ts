import type { Signature } from "../message.js";
import { applySignature, type CanvasSender } from "./apply-signature.js";
import type { IdSource } from "./id-source.js";

/** Messages that are on their way at the same time. */
const MOST_UNDER_WAY = 100;

/**
 * Sends a chord whose parts come as a stream: as `applySignature` does, without all of them in memory.
 *
 * @param parts tasks, 1 or more
 * @param body the task that gets their results; has an id
 * @param groupId who sends the same parts again, with the same ids, ends the chord once
 * @throws TypeError where there is no part
 */
export async function sendChord(
  sender: CanvasSender,
  ids: IdSource,
  parts: AsyncIterable<Signature>,
  body: Signature,
  groupId: string,
): Promise<void> {
  let count = 0;
  let last: Signature | undefined;
  let underWay: Promise<unknown>[] = [];
  const send = (part: Signature, groupIndex: number) =>
    applySignature(sender, ids, part, [], { groupId, groupIndex, chord: body });
  for await (const part of parts) {
    if (last !== undefined) underWay.push(send(last, count - 1));
    last = part;
    count++;
    if (underWay.length < MOST_UNDER_WAY) continue;
    await Promise.all(underWay);
    underWay = [];
  }
  await Promise.all(underWay);
  if (last === undefined) throw new TypeError("chord: expected one part or more, got none");
  // Only now, so that none can end it early.
  await sender.setChordSize(groupId, count);
  await send(last, count - 1);
}
