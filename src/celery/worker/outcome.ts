import { constants } from "node:os";
import type { CeleryApp } from "../app.js";
import type { ResultTree } from "../backend.js";
import { applySignature } from "../canvas/apply-signature.js";
import type { IdSource } from "../canvas/id-source.js";
import { signaturesOf } from "../canvas/prepare-task.js";
import { derivedId } from "../derived-id.js";
import { formatDate } from "../python-date.js";
import { maxRetriesExceeded, type TaskFailure, toTaskFailure } from "../task-errors.js";
import type { RetryRequest } from "../task-registry.js";
import { ChordJoiner } from "./chord-joiner.js";
import type { EventSender } from "./events.js";
import type { TaskRequest } from "./task-request.js";

/** How a task's run ended. */
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
  /** Its process died: back to the queue. */
  | { readonly kind: "lost" };

const DEFAULT_RETRIES = 3;
const DEFAULT_COUNTDOWN_SECONDS = 180;

/**
 * Writes down how tasks ended: what follows them is sent, the result stored, the chord told, and only then the message
 * acknowledged. Doing all of it again changes nothing, so a worker may die at any point.
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

  async record(request: TaskRequest, outcome: Outcome): Promise<void> {
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
    let children: ResultTree[];
    try {
      children = await this.#sendFollowers(request, result);
    } catch (error) {
      return this.#fail(request, toTaskFailure(error)); // a signature that cannot be sent
    }
    if (!(headers.ignore_result ?? request.task.ignoreResult ?? false)) {
      await this.#app.backend.storeSuccess({ ...this.#stored(request), children }, result);
    }
    if (typeof headers.group === "string" && embed.chord !== null) {
      await this.#chords.addPart(request, headers.group, headers.group_index, embed.chord, "SUCCESS", result);
    }
    await this.acknowledge(request);
    this.#events.taskSucceeded(request.id, result, secondsSince(request.startedAt));
  }

  /** Sends callbacks and the next task of the chain. */
  async #sendFollowers(request: TaskRequest, result: unknown): Promise<ResultTree[]> {
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
      const value = { exc_type: failure.type, exc_message: failure.args, exc_module: failure.module };
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
    const limit = options.maxRetries ?? request.task.maxRetries;
    if (limit !== null && request.retries >= (limit ?? DEFAULT_RETRIES)) {
      const { task, id } = request.message.headers;
      return this.#fail(request, cause ?? maxRetriesExceeded(`Can't retry ${task}[${id}]`));
    }
    const { headers, properties, args, kwargs, embed } = request.message;
    const countdown = options.countdownSeconds ?? DEFAULT_COUNTDOWN_SECONDS;
    const again = {
      ...headers,
      retries: request.retries + 1,
      eta: formatDate(new Date(Date.now() + 1000 * countdown)),
      parent_id: request.id,
    };
    const failure = cause ?? toTaskFailure(new Error(`Retry in ${countdown}s`));
    await this.#app.backend.storeFailure(this.#stored(request), failure, "RETRY");
    const { exchange, routing_key } = properties.delivery_info;
    const body = [args, kwargs, embed];
    const { correlation_id, reply_to, priority } = properties;
    const kept = { correlation_id, reply_to, priority };
    // First the new message, then the acknowledgement: a death in between runs the task once more, at most.
    await this.#app.broker.publish(
      body,
      exchange,
      exchange === "" ? request.queue : routing_key,
      again,
      kept,
    );
    await this.acknowledge(request);
    this.#events.taskRetried(request.id, failure);
  }

  async acknowledge(request: TaskRequest): Promise<void> {
    if (request.isAcknowledged) return;
    request.isAcknowledged = true;
    await this.#app.broker.acknowledge(request.tag);
  }

  #stored(request: TaskRequest) {
    const { headers } = request.message;
    return { id: request.id, parentId: headers.parent_id ?? null, group: headers.group ?? null };
  }
}

/** Stores a failure, tells the chord, fails what would have followed, and sends the errbacks. */
async function recordFailure(
  app: CeleryApp,
  chords: ChordJoiner,
  request: TaskRequest,
  failure: TaskFailure,
  stored: { id: string; parentId: string | null; group: string | null },
): Promise<void> {
  const { headers, embed, properties } = request.message;
  const value = { exc_type: failure.type, exc_message: failure.args, exc_module: failure.module };
  await app.backend.storeFailure(stored, failure);
  if (typeof headers.group === "string" && embed.chord !== null) {
    await chords.addPart(request, headers.group, headers.group_index, embed.chord, "FAILURE", value);
  }
  await chords.failFollowing(request, signaturesOf(embed.chain), failure, request.id);
  const ids = idsOf(`${request.id}:error`);
  const place = { rootId: request.rootId, parentId: request.id, priority: properties.priority };
  for (const errback of signaturesOf(embed.errbacks)) {
    await applySignature(app, ids, errback, [request.id], place).catch(() => {}); // it must not hide the failure
  }
}

function idsOf(id: string): IdSource {
  let count = 0;
  return () => derivedId(id, `child ${count++}`);
}

function secondsSince(start: number | undefined): number {
  return start === undefined ? 0 : (Date.now() - start) / 1000;
}
