import { constants } from "node:os";
import type { CeleryApp } from "../app.js";
import type { ResultTree } from "../backend.js";
import { applySignature } from "../canvas/apply-signature.js";
import type { IdSource } from "../canvas/id-source.js";
import { signaturesOf } from "../canvas/prepare-task.js";
import { derivedId } from "../derived-id.js";
import { formatDate } from "../python-date.js";
import { EncodedJson, MAX_READ_DEPTH } from "../python-json.js";
import {
  isDataFault,
  maxRetriesExceeded,
  storedFailure,
  type TaskFailure,
  toTaskFailure,
  unlessDataFault,
} from "../task-errors.js";
import type { RetryRequest } from "../task-registry.js";
import { ChordJoiner } from "./chord-joiner.js";
import type { EventSender } from "./events.js";
import type { TaskRequest } from "./task-request.js";

/** How a task ended. */
export type Outcome =
  | { readonly kind: "success"; readonly result: unknown }
  | { readonly kind: "failure"; readonly failure: TaskFailure }
  | {
      readonly kind: "revoked";
      readonly failure: TaskFailure;
      readonly terminated?: boolean;
      readonly expired?: boolean;
    }
  | { readonly kind: "retry"; readonly request: RetryRequest }
  /** Its process died: the task returns to the queue. */
  | { readonly kind: "lost" };

/** The maximum nesting of a result, so that it can still be read as an argument of what follows. */
const MAX_RESULT_DEPTH = MAX_READ_DEPTH - 100;
const DEFAULT_RETRIES = 3;
const DEFAULT_COUNTDOWN_SECONDS = 180;

/**
 * Records how tasks ended: sends what follows them, stores the result, counts the part of a chord, and only then
 * acknowledges the message. Repeating all of it changes nothing, so a worker may crash at any point.
 */
export class OutcomeRecorder {
  readonly #app: CeleryApp;
  readonly #events: EventSender;
  readonly #chords: ChordJoiner;

  constructor(app: CeleryApp, events: EventSender) {
    this.#app = app;
    this.#events = events;
    this.#chords = new ChordJoiner(app);
  }

  /**
   * Resolves with how the task ended. Rejects only if a store is unreachable; data that cannot be stored or sent
   * anywhere is a failure of the task.
   */
  async record(request: TaskRequest, outcome: Outcome): Promise<Outcome["kind"]> {
    try {
      await this.#record(request, outcome);
      return outcome.kind;
    } catch (error) {
      if (!isDataFault(error)) throw error;
      await this.#fail(request, toTaskFailure(error));
      return "failure";
    }
  }

  async #record(request: TaskRequest, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case "success":
        return this.#succeed(request, outcome.result);
      case "failure":
        return this.#fail(request, outcome.failure);
      case "revoked":
        return this.#revoke(request, outcome);
      case "retry":
        return this.#retry(request, outcome.request);
      case "lost":
        await this.#app.broker.putBack(request.tag, "back");
        request.isAcknowledged = true;
        this.#events.taskRejected(request.id, true);
    }
  }

  async #succeed(request: TaskRequest, result: unknown): Promise<void> {
    const { headers, embed } = request.message;
    const isIgnored = headers.ignore_result ?? request.task.ignoreResult ?? false;
    const isUsed = !isIgnored || [embed.callbacks, embed.chain, embed.chord].some((each) => each !== null);
    if (isUsed) {
      // Encoded once, before anything is sent, so that all receive the same.
      const encoded = new EncodedJson(result, { maxDepth: MAX_RESULT_DEPTH });
      const children = await this.#sendFollowers(request, encoded);
      if (!isIgnored) {
        await this.#app.backend.storeSuccess({ ...this.#stored(request), children }, encoded);
      }
      if (typeof headers.group === "string" && embed.chord !== null) {
        const { group, group_index: index } = headers;
        await this.#chords.addPart(request, group, index, embed.chord, "SUCCESS", encoded);
      }
    }
    await this.acknowledge(request);
    this.#events.taskSucceeded(request.id, result, secondsSince(request.startedAt));
  }

  /** Sends callbacks and the next task of the chain. */
  async #sendFollowers(request: TaskRequest, result: EncodedJson): Promise<ResultTree[]> {
    const { embed, properties } = request.message;
    const ids = idsOf(request.id);
    const place = { rootId: request.rootId, parentId: request.id, priority: properties.priority };
    const children: ResultTree[] = [];
    for (const callback of signaturesOf(embed.callbacks)) {
      children.push(await applySignature(this.#app, ids, callback, [result], place));
    }
    const rest = [...signaturesOf(embed.chain)];
    const next = rest.pop();
    if (next !== undefined) {
      children.push(await applySignature(this.#app, ids, next, [result], { ...place, chain: rest }));
    }
    return children;
  }

  async #fail(request: TaskRequest, failure: TaskFailure): Promise<void> {
    await recordFailure(this.#app, this.#chords, request, failure, this.#stored(request));
    await this.acknowledge(request);
    this.#events.taskFailed(request.id, failure);
  }

  async #revoke(request: TaskRequest, outcome: Extract<Outcome, { kind: "revoked" }>): Promise<void> {
    const { headers, embed } = request.message;
    const { failure, terminated = false, expired = false } = outcome;
    await this.#app.backend.storeFailure(this.#stored(request), failure, "REVOKED");
    if (typeof headers.group === "string" && embed.chord !== null) {
      const value = storedFailure(failure);
      await this.#chords.addPart(request, headers.group, headers.group_index, embed.chord, "REVOKED", value);
    }
    await this.acknowledge(request);
    this.#events.taskRevoked(request.id, {
      terminated,
      signum: terminated ? constants.signals[request.endedBy ?? "SIGTERM"] : null,
      expired,
    });
  }

  /** Sends the task again under its own id. */
  async #retry(request: TaskRequest, { options, cause_: cause }: RetryRequest): Promise<void> {
    const { isPutOff = false } = options;
    const limit = options.maxRetries ?? request.task.maxRetries;
    if (!isPutOff && limit !== null && request.retries >= (limit ?? DEFAULT_RETRIES)) {
      const { task, id } = request.message.headers;
      return this.#fail(request, cause ?? maxRetriesExceeded(`Can't retry ${task}[${id}]`));
    }
    const { headers, properties, args, kwargs, embed } = request.message;
    const countdown = options.countdownSeconds ?? DEFAULT_COUNTDOWN_SECONDS;
    const again = {
      ...headers,
      retries: request.retries + (isPutOff ? 0 : 1),
      eta: formatDate(new Date(Date.now() + 1000 * countdown)),
      parent_id: request.id,
    };
    const failure = cause ?? toTaskFailure(new Error(`Retry in ${countdown}s`));
    await this.#app.backend.storeFailure(this.#stored(request), failure, "RETRY");
    const { exchange, routing_key } = properties.delivery_info;
    const body = [args, kwargs, embed];
    const { correlation_id, reply_to, priority } = properties;
    const kept = { correlation_id, reply_to, priority };
    // First the new message, then the acknowledgment: a crash in between runs the task at most once more.
    if (!request.isSentAgain) {
      const key = exchange === "" ? request.queue : routing_key;
      await this.#app.broker.publish(body, exchange, key, again, kept);
      request.isSentAgain = true;
    }
    await this.acknowledge(request);
    this.#events.taskRetried(request.id, failure);
  }

  async acknowledge(request: TaskRequest): Promise<void> {
    if (request.isAcknowledged) return;
    await this.#app.broker.acknowledge(request.tag);
    request.isAcknowledged = true;
  }

  #stored(request: TaskRequest) {
    const { headers } = request.message;
    return { id: request.id, parentId: headers.parent_id ?? null, group: headers.group ?? null };
  }
}

/** Stores a failure, counts it in its chord, fails what would have followed, and sends the errbacks. */
async function recordFailure(
  app: CeleryApp,
  chords: ChordJoiner,
  request: TaskRequest,
  failure: TaskFailure,
  stored: { id: string; parentId: string | null; group: string | null },
): Promise<void> {
  const { headers, embed, properties } = request.message;
  const value = storedFailure(failure);
  await app.backend.storeFailure(stored, failure);
  if (typeof headers.group === "string" && embed.chord !== null) {
    await chords.addPart(request, headers.group, headers.group_index, embed.chord, "FAILURE", value);
  }
  await chords.failFollowing(request, signaturesOf(embed.chain), failure, request.id);
  const ids = idsOf(`${request.id}:error`);
  const place = { rootId: request.rootId, parentId: request.id, priority: properties.priority };
  for (const errback of signaturesOf(embed.errbacks)) {
    await unlessDataFault(applySignature(app, ids, errback, [request.id], place)); // must not hide the failure
  }
}

function idsOf(id: string): IdSource {
  let count = 0;
  return () => derivedId(id, `child ${count++}`);
}

function secondsSince(start: number | undefined): number {
  return start === undefined ? 0 : (Date.now() - start) / 1000;
}
