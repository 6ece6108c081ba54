import type { CeleryBroker } from "./broker.js";
import { decodeMessage } from "./decode-message.js";
import type { TaskMessage } from "./message.js";
import { dumps, loads } from "./python-json.js";

/** Messages fetched at a time. */
const PAGE = 200;

/**
 * Lists the tasks that wait in queues or that a worker holds without having acknowledged them. A task that is in one of
 * these states throughout is listed, once or more. So is one that a worker claims meanwhile, or that follows another
 * task: held tasks are read before the queues and again after them. Messages that cannot be read are left out.
 *
 * @param queues the queues to read, with all their priorities; held tasks of all queues are listed
 */
export async function* listTasks(
  broker: CeleryBroker,
  queues: readonly string[],
): AsyncGenerator<TaskMessage> {
  yield* heldTasks(broker);
  for (const list of queues.flatMap((queue) => broker.keys.queueLists(queue))) {
    // From the end at which messages are added: claims meanwhile shift none of the others.
    for (let from = 0; ; from += PAGE) {
      const page = await broker.redis.lrange(list, from, from + PAGE - 1);
      for (const raw of page) yield* readable(broker, raw);
      if (page.length < PAGE) break;
    }
  }
  yield* heldTasks(broker);
}

async function* heldTasks(broker: CeleryBroker): AsyncGenerator<TaskMessage> {
  const { redis, keys } = broker;
  let cursor = "0";
  do {
    const [next, entries] = await redis.hscan(keys.unacked, cursor, "COUNT", PAGE);
    cursor = next;
    for (let n = 1; n < entries.length; n += 2) yield* readable(broker, entries[n]!, true);
  } while (cursor !== "0");
}

/** @param isHeld whether `raw` is an entry of `unacked`: the message, and where it came from */
function* readable(broker: CeleryBroker, raw: string, isHeld = false): Generator<TaskMessage> {
  try {
    const message = isHeld ? dumps((loads(raw) as unknown[])[0]) : raw;
    yield decodeMessage(Buffer.from(message), broker.maxMessageBytes);
  } catch {} // not a task that a caller could wait for
}
