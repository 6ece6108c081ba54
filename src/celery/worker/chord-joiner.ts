import type { CeleryApp } from "../app.js";
import type { ResultTree } from "../backend.js";
import { applySignature } from "../canvas/apply-signature.js";
import { resultIdOf, typeOf } from "../canvas/composites.js";
import { prepareTask, signaturesOf } from "../canvas/prepare-task.js";
import { derivedId } from "../derived-id.js";
import type { Signature } from "../message.js";
import {
  chordError,
  failureRepr,
  isDataFault,
  storedFailure,
  TaskFailure,
  toTaskFailure,
  unlessDataFault,
} from "../task-errors.js";
import { failFollowing } from "./fail-following.js";
import type { TaskRequest } from "./task-request.js";

/** Joins chords: counts finished parts, and finishes the chord with the last one, once. */
export class ChordJoiner {
  readonly #app: CeleryApp;

  constructor(app: CeleryApp) {
    this.#app = app;
  }

  /** Counts the request's task as a finished part of a chord. */
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

  /** The same for another task, which has failed along with the request's. */
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
    try {
      const parts = await backend.chordParts(groupId);
      const failed = parts.find((part) => part.state !== "SUCCESS");
      if (failed === undefined)
        await this.#sendBody(request, groupId, body, await this.#results(groupId, parts));
      else await this.#failBody(request, groupId, body, failureOfPart(body, failed));
    } catch (error) {
      if (!isDataFault(error)) throw error; // an error of the store: the caller retries
      const failure = chordError(`Join error: ${failureRepr(toTaskFailure(error))}`);
      await this.#failBody(request, groupId, body, failure);
    }
  }

  /** The results of the parts, in order. If the sender stored that some are groups, those become nested lists. */
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

  /** Fails everything that will not run because of a failure; see {@link failFollowing}. */
  async failFollowing(
    request: TaskRequest,
    signatures: readonly Signature[],
    failure: TaskFailure,
    parentId: string,
  ): Promise<void> {
    const value = storedFailure(failure);
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
    const { list, message } = await this.#app.encode(prepareTask(ids, body, [results], place));
    const { backend, broker, sharesServer } = this.#app;
    if (!sharesServer) await broker.redis.lpush(list, message);
    await backend.finishChord(groupId, request.id, sharesServer ? { list, message } : undefined);
  }

  /** Fails the body, and sends its errbacks. */
  async #failBody(
    request: TaskRequest,
    groupId: string,
    body: Signature,
    failure: TaskFailure,
  ): Promise<void> {
    const options = body.options as Record<string, unknown>;
    const id = resultIdOf(body) ?? derivedId(groupId, "body 0");
    await this.#app.backend.storeFailure({ id, parentId: request.id, group: null }, failure);
    let count = 0;
    const ids = () => derivedId(groupId, `error ${count++}`);
    const place = { rootId: request.rootId, parentId: id };
    for (const errback of signaturesOf(options["link_error"])) {
      await unlessDataFault(applySignature(this.#app, ids, errback, [id], place));
    }
    // What is nested in the body fails too, and so does what would have followed it.
    await this.failFollowing(request, [body, ...signaturesOf(options["chain"])], failure, id);
    await this.#app.backend.finishChord(groupId, request.id);
  }
}

/** The failure of a chord's body after a part has failed. */
function failureOfPart(
  body: Signature,
  { taskId, result }: { taskId: string; result: unknown },
): TaskFailure {
  const stored = (result ?? {}) as { exc_type?: unknown; exc_message?: unknown; exc_module?: unknown };
  const { exc_type: type, exc_message: args, exc_module: module } = stored;
  const list = Array.isArray(args) ? args : args === undefined ? [] : [args];
  const nameOr = (name: unknown, other: string) => (typeof name === "string" ? name : other);
  const cause = new TaskFailure(nameOr(type, "Exception"), list, nameOr(module, "builtins"));
  // The members of a group fail with the part's error, as in Celery ≥ 5.6.
  return typeOf(body) === "group" ? cause : chordError(`Dependency ${taskId} raised ${failureRepr(cause)}`);
}
