import { randomUUID } from "node:crypto";
import type { CeleryApp } from "../app.js";
import { applySignature } from "../canvas/apply-signature.js";
import { resultIdOf } from "../canvas/composites.js";
import { prepareTask, signaturesOf } from "../canvas/prepare-task.js";
import { derivedId } from "../derived-id.js";
import { encodeMessage, type Signature } from "../message.js";
import { pythonRepr } from "../python-repr.js";
import { chordError } from "../task-errors.js";
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
      await this.#sendBody(
        request,
        groupId,
        body,
        parts.map(({ result }) => result),
      );
    else await this.#failBody(request, groupId, body, failed);
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
    const { exc_type: type, exc_message: args } = (part.result ?? {}) as {
      exc_type?: unknown;
      exc_message?: unknown;
    };
    const list = Array.isArray(args) ? args : args === undefined ? [] : [args];
    const cause = `${String(type ?? "Exception")}(${list.map((arg) => pythonRepr(arg)).join(", ")})`;
    const failure = chordError(`Dependency ${part.taskId} raised ${cause}`);
    const options = body.options as Record<string, unknown>;
    const id = resultIdOf(body) ?? derivedId(groupId, "body 0");
    await this.#app.backend.storeFailure({ id, parentId: request.id, group: null }, failure);
    let count = 0;
    const ids = () => derivedId(groupId, `error ${count++}`);
    const place = { rootId: request.rootId, parentId: id };
    for (const errback of signaturesOf(options["link_error"])) {
      await applySignature(this.#app, ids, errback, [id], place).catch(() => {});
    }
    const { group_id: outerGroup, group_index: outerIndex, chord } = options;
    if (typeof outerGroup === "string" && chord) {
      const value = { exc_type: failure.type, exc_message: failure.args, exc_module: failure.module };
      await this.addPartOf(
        request,
        id,
        outerGroup,
        outerIndex as number | null,
        chord as Signature,
        "FAILURE",
        value,
      );
    }
    await this.#app.backend.finishChord(groupId, request.id);
  }
}
