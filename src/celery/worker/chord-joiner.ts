import { randomUUID } from "node:crypto";
import type { CeleryApp } from "../app.js";
import type { ResultTree } from "../backend.js";
import { applySignature } from "../canvas/apply-signature.js";
import { resultIdOf, typeOf } from "../canvas/composites.js";
import { prepareTask, signaturesOf } from "../canvas/prepare-task.js";
import { derivedId } from "../derived-id.js";
import { encodeMessage, type Signature } from "../message.js";
import { chordError, failureRepr, TaskFailure } from "../task-errors.js";
import { failFollowing } from "./fail-following.js";
import type { TaskRequest } from "./task-request.js";

/** Joins chords: counts finished parts, and ends the chord with the last one, once. */
export class ChordJoiner {
  readonly #app: CeleryApp;

  constructor(app: CeleryApp) {
    this.#app = app;
  }

  /** A part of a chord is done. */
  async addPart(
    request: TaskRequest,
    groupId: string,
    groupIndex: number | null | undefined,
    body: Signature,
    state: string,
    value: unknown,
  ): Promise<void> {
    await this.addPartOf(request, request.id, groupId, groupIndex, body, state, value);
  }

  /** The same for the part of another task that a failure has ended too. */
  async addPartOf(
    request: TaskRequest,
    taskId: string,
    groupId: string,
    groupIndex: number | null | undefined,
    body: Signature,
    state: string,
    value: unknown,
  ): Promise<void> {
    const { backend } = this.#app;
    if (!(await backend.addChordPart(groupId, groupIndex, taskId, state, value, request.id))) return;
    const parts = await backend.chordParts(groupId);
    const failed = parts.find((part) => part.state !== "SUCCESS");
    if (failed === undefined)
      await this.#sendBody(request, groupId, body, await this.#results(groupId, parts));
    else await this.#failBody(request, groupId, body, failed);
  }

  /** The parts' results: in their order or, where the sender has stored that some are groups, as lists within the list. */
  async #results(groupId: string, parts: readonly { taskId: string; result: unknown }[]): Promise<unknown[]> {
    const { backend } = this.#app;
    const tree = await backend.savedGroup(groupId);
    if (tree === undefined) return parts.map(({ result }) => result);
    const known = new Map(parts.map(({ taskId, result }) => [taskId, result]));
    const resultOf = async ([[id], members]: ResultTree): Promise<unknown> => {
      if (members !== null) return Promise.all(members.map(resultOf));
      return known.has(id) ? known.get(id) : (await backend.getTaskMeta(id)).result;
    };
    return Promise.all(tree.map(resultOf));
  }

  /** What will not run because of a failure fails with it; see {@link failFollowing}. */
  async failFollowing(
    request: TaskRequest,
    signatures: readonly Signature[],
    failure: TaskFailure,
    parentId: string,
  ): Promise<void> {
    const value = { exc_type: failure.type, exc_message: failure.args, exc_module: failure.module };
    for (const part of await failFollowing(this.#app.backend, signatures, failure, parentId)) {
      const { taskId, groupId, groupIndex, body } = part;
      await this.addPartOf(request, taskId, groupId, groupIndex, body, "FAILURE", value);
    }
  }

  async #sendBody(request: TaskRequest, groupId: string, body: Signature, results: unknown[]): Promise<void> {
    const place = {
      rootId: request.rootId,
      parentId: request.id,
      priority: request.message.properties.priority,
    };
    let count = 0;
    const ids = () => derivedId(groupId, `body ${count++}`);
    if (body.subtask_type) {
      await applySignature(this.#app, ids, body, [results], place);
      await this.#app.backend.finishChord(groupId, request.id);
      return;
    }
    const task = prepareTask(ids, body, [results], place);
    const { headers, properties, body: content } = this.#app.message(task);
    const queue = this.#app.queueOf(task);
    const message = encodeMessage(
      headers,
      {
        ...properties,
        delivery_mode: 2,
        delivery_info: { exchange: "", routing_key: queue },
        delivery_tag: randomUUID(),
      },
      content,
    );
    const { backend, broker, sharesServer } = this.#app;
    const list = await broker.listFor(queue, task.priority);
    if (!sharesServer) await broker.redis.lpush(list, message);
    await backend.finishChord(groupId, request.id, sharesServer ? { list, message } : undefined);
  }

  /** The body fails with the first part that did, and its errbacks hear of it. */
  async #failBody(
    request: TaskRequest,
    groupId: string,
    body: Signature,
    part: { taskId: string; result: unknown },
  ): Promise<void> {
    const {
      exc_type: type,
      exc_message: args,
      exc_module: module,
    } = (part.result ?? {}) as {
      exc_type?: unknown;
      exc_message?: unknown;
      exc_module?: unknown;
    };
    const list = Array.isArray(args) ? args : args === undefined ? [] : [args];
    const cause = new TaskFailure(String(type ?? "Exception"), list, String(module ?? "builtins"));
    // The members of a group fail with the part's error, as in Celery ≥ 5.6.
    const failure =
      typeOf(body) === "group" ? cause : chordError(`Dependency ${part.taskId} raised ${failureRepr(cause)}`);
    const options = body.options as Record<string, unknown>;
    const id = resultIdOf(body) ?? derivedId(groupId, "body 0");
    await this.#app.backend.storeFailure({ id, parentId: request.id, group: null }, failure);
    let count = 0;
    const ids = () => derivedId(groupId, `error ${count++}`);
    const place = { rootId: request.rootId, parentId: id };
    for (const errback of signaturesOf(options["link_error"])) {
      await applySignature(this.#app, ids, errback, [id], place).catch(() => {});
    }
    // What is within the body fails too, and what would have followed it.
    await this.failFollowing(request, [body, ...signaturesOf(options["chain"])], failure, id);
    await this.#app.backend.finishChord(groupId, request.id);
  }
}
