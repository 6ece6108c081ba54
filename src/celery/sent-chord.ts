import type { CeleryBackend } from "./backend.js";
import type { CeleryBroker } from "./broker.js";
import { prepareTask, type TaskToSend } from "./canvas/prepare-task.js";
import { derivedId } from "./derived-id.js";
import type { Signature } from "./message.js";
import { runScript } from "./scripts/run-script.js";
import { SEND_AGAIN, SENT_AGAIN_SECONDS } from "./scripts/send-once.js";
import { SEND_PARTS } from "./scripts/send-parts.js";

/** A part of a chord that was sent, and its stored state. */
export interface SentPart {
  readonly id: string;
  /** `PENDING` if nothing is stored: the part is waiting, is running, or was lost. */
  readonly status: string;
  readonly result: unknown;
}

/** The app through which a chord is sent. */
export interface ChordSender {
  readonly broker: CeleryBroker;
  readonly backend: CeleryBackend;
  /** Whether messages and results share one database, so that one script can change both. */
  readonly sharesServer: boolean;
  /** How long sent parts are remembered, in seconds. */
  readonly sentExpiresSeconds: number;
  /** Encodes a prepared task as a message; also returns the list to push it to. */
  encode(task: TaskToSend): Promise<{ readonly list: string; readonly message: string }>;
}

/** Messages that one script call sends. */
const BATCH = 100;
/** Results fetched at a time. */
const RESULTS_PAGE = 500;

/**
 * A chord that may be sent more than once, by senders that do not know of each other or that crashed midway. Each of
 * its parts is queued only once nevertheless. A ledger next to the queues lists the ids of the parts that were sent.
 * All senders must pass the same parts in the same order.
 */
export class SentChord {
  readonly #app: ChordSender;
  readonly #groupId: string;

  /** @param groupId a UUID, the same for the same chord */
  constructor(app: ChordSender, groupId: string) {
    this.#app = app;
    this.#groupId = groupId;
  }

  /**
   * Sends the parts that were not sent before, and again those that were lost.
   *
   * @param parts single tasks, at least one; those without an id get one derived from the group's id
   * @param body the task that receives their results; it has an id
   * @param lost ids of parts that are not in a queue, not held by a worker and not done
   * @throws TypeError if there are no parts; Error if the ledger is gone or lists other parts than these
   */
  async send(
    parts: AsyncIterable<Signature> | Iterable<Signature>,
    body: Signature,
    lost: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    let position = 0;
    let batch: Signature[] = [];
    for await (const part of parts) {
      if (batch.length === BATCH) {
        await this.#sendBatch(batch, position, false, body, lost);
        position += BATCH;
        batch = [];
      }
      batch.push(part);
    }
    if (batch.length === 0) throw new TypeError("A chord needs at least one part.");
    await this.#sendBatch(batch, position, true, body, lost);
  }

  async #sendBatch(
    batch: readonly Signature[],
    first: number,
    isLast: boolean,
    body: Signature,
    lost: ReadonlySet<string>,
  ): Promise<void> {
    const { broker, backend, sharesServer, sentExpiresSeconds } = this.#app;
    const ledger = broker.keys.sentParts(this.#groupId);
    const lists: string[] = [];
    const items: (string | number)[] = [];
    for (const [n, part] of batch.entries()) {
      const id = () => derivedId(this.#groupId, `part ${first + n}`);
      const place = { groupId: this.#groupId, groupIndex: first + n, chord: body };
      const task = prepareTask(id, part, [], place);
      const { list, message } = await this.#app.encode(task);
      if (lost.has(task.id)) await this.#sendAgain(task.id, list, message);
      if (!lists.includes(list)) lists.push(list);
      items.push(task.id, lists.indexOf(list) + 1, message);
    }
    const total = isLast ? first + batch.length : 0;
    // Two steps if the servers differ: after a crash in between, the next sender sets the size again.
    if (isLast && !sharesServer && (await broker.redis.llen(ledger)) < total) {
      await backend.setChordSize(this.#groupId, total);
    }
    const { size, claim } = backend.groupKeys(this.#groupId);
    const names = [ledger, size, claim, ...lists];
    const ofSize = [sharesServer ? total : 0, backend.resultExpiresSeconds];
    const values = [first, sentExpiresSeconds, ...ofSize, ...items];
    const sent = await runScript(broker.redis, SEND_PARTS, names.length, ...names, ...values);
    if (sent === -1) throw new Error("The broker has forgotten which parts of the chord were sent.");
    if (sent === -2) throw new Error("Another sender sends other parts under the same group id.");
  }

  async #sendAgain(id: string, list: string, message: string): Promise<void> {
    const { redis, keys } = this.#app.broker;
    await runScript(redis, SEND_AGAIN, 2, keys.sentAgain(id), list, message, SENT_AGAIN_SECONDS);
  }

  /** The parts that were sent, in order; `undefined` if none were, or if they have been forgotten. */
  async parts(): Promise<SentPart[] | undefined> {
    const { broker, backend } = this.#app;
    const ids = await broker.redis.lrange(broker.keys.sentParts(this.#groupId), 0, -1);
    if (ids.length === 0) return undefined;
    const parts: SentPart[] = [];
    for (let from = 0; from < ids.length; from += RESULTS_PAGE) {
      const page = ids.slice(from, from + RESULTS_PAGE);
      const metas = await backend.getTaskMetas(page);
      for (const [n, id] of page.entries()) {
        parts.push({ id, status: metas[n]?.status ?? "PENDING", result: metas[n]?.result ?? null });
      }
    }
    return parts;
  }

  /**
   * Deletes the failures of parts that had not failed before, so that {@link send} can send these parts again. Not
   * atomic: after a crash midway, such a part may be sent again once more.
   */
  async forgetFirstFailures(): Promise<void> {
    const { broker, backend, sentExpiresSeconds } = this.#app;
    for (const { id, status } of (await this.parts()) ?? []) {
      if (status !== "FAILURE") continue;
      const key = broker.keys.failedBefore(id);
      if ((await broker.redis.exists(key)) > 0) continue;
      await backend.redis.del(backend.resultKey(id));
      await broker.redis.set(key, "", "EX", sentExpiresSeconds);
    }
  }

  /** Forgets which parts were sent, and deletes their results. */
  async remove(): Promise<void> {
    const { broker, backend } = this.#app;
    const ledger = broker.keys.sentParts(this.#groupId);
    const ids = await broker.redis.lrange(ledger, 0, -1);
    for (let from = 0; from < ids.length; from += RESULTS_PAGE) {
      const page = ids.slice(from, from + RESULTS_PAGE);
      await backend.redis.del(...page.map((id) => backend.resultKey(id)));
      await broker.redis.del(...page.map((id) => broker.keys.failedBefore(id)));
    }
    await broker.redis.del(ledger);
  }
}
