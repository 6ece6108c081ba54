import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import client from "celery-node/dist/app/client.js";
import { type BackendOptions, CeleryBackend } from "./backend.js";
import { type BrokerOptions, CeleryBroker } from "./broker.js";
import { PRIORITY_STEPS } from "./broker-keys.js";
import { applySignature, type CanvasSender } from "./canvas/apply-signature.js";
import { typeOf } from "./canvas/composites.js";
import type { TaskToSend } from "./canvas/prepare-task.js";
import { sendChord } from "./canvas/send-chord.js";
import { GroupResult } from "./group-result.js";
import type { Signature } from "./message.js";
import { pythonRepr } from "./python-repr.js";
import { ResultListener } from "./result-listener.js";
import { queueFor, type Routes } from "./routes.js";
import { type SendOptions, signature } from "./signature.js";
import {
  checkTaskOptions,
  type RegisteredTask,
  type TaskHandler,
  type TaskModule,
  type TaskOptions,
} from "./task-registry.js";
import { TaskResult } from "./task-result.js";

export interface CeleryAppOptions {
  /** Address of the broker: see `parseConnection`. */
  readonly broker: string;
  /** Address of the result store; default: the broker's. */
  readonly backend?: string | undefined;
  /** Stands before all keys and channels of the broker. */
  readonly keyPrefix?: string | undefined;
  /** Stands before all keys of results. */
  readonly resultKeyPrefix?: string | undefined;
  /** See {@link BrokerOptions.visibilityTimeoutSeconds}; default 3,600. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** Seconds that results are kept; default 86,400, 0 for ever. */
  readonly resultExpiresSeconds?: number | undefined;
  readonly sentinelMaster?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Where tasks go by their names; see `parseRoutes`. */
  readonly routes?: Routes | undefined;
  /** Where other tasks go; default `celery`. */
  readonly defaultQueue?: string | undefined;
}

/**
 * A Celery application: tasks that workers run, and what sends tasks and waits for results. Builds on celery-node's
 * client (`createTask(name).delay(…)` works), with a transport that loses nothing.
 */
export class CeleryApp extends client.default implements CanvasSender {
  readonly #broker: CeleryBroker;
  readonly #backend: CeleryBackend;
  readonly #listener: ResultListener;
  readonly #routes: Routes;
  readonly defaultQueue: string;
  readonly tasks = new Map<string, RegisteredTask>();
  readonly #replyTo = randomUUID();
  readonly #origin = `gen${process.pid}@${hostname()}`;

  /** @throws TypeError for an address that is none */
  constructor(options: CeleryAppOptions) {
    const backend = options.backend ?? options.broker;
    super(options.broker, backend, options.defaultQueue ?? "celery");
    const { sentinelMaster, sentinelPassword, visibilityTimeoutSeconds, resultExpiresSeconds } = options;
    const brokerOptions: BrokerOptions = {
      sentinelMaster,
      sentinelPassword,
      visibilityTimeoutSeconds,
      keyPrefix: options.keyPrefix,
    };
    const backendOptions: BackendOptions = {
      sentinelMaster,
      sentinelPassword,
      resultExpiresSeconds,
      keyPrefix: options.resultKeyPrefix,
    };
    this.sharesServer = backend === options.broker;
    this.#broker = new CeleryBroker(options.broker, brokerOptions);
    this.#backend = new CeleryBackend(backend, backendOptions);
    this.#listener = new ResultListener(this.#backend);
    this.#routes = options.routes ?? [];
    this.defaultQueue = options.defaultQueue ?? "celery";
  }

  /** Whether messages and results are in one database, so that one script can change both. */
  readonly sharesServer: boolean;

  override get broker(): CeleryBroker {
    return this.#broker;
  }

  override get backend(): CeleryBackend {
    return this.#backend;
  }

  /**
   * Registers a task that runs in the worker's own process.
   *
   * @param handler gets the parameters by name, and what there is to know of the call; its result goes to the caller
   * @throws TypeError where the name is taken or an option wrong
   */
  task<Parameters extends Record<string, unknown>>(
    name: string,
    options: TaskOptions,
    handler: TaskHandler<Parameters>,
  ): void {
    this.#register({ name, ...checkTaskOptions(name, options), handler: handler as TaskHandler });
  }

  /** Registers a task that runs in a process of its own, which can be killed. @throws TypeError as {@link task} */
  taskModule(name: string, options: TaskOptions & TaskModule): void {
    const { module, export: exportName } = options;
    this.#register({
      name,
      ...checkTaskOptions(name, options),
      module: { module, ...(exportName === undefined ? {} : { export: exportName }) },
    });
  }

  #register(task: RegisteredTask): void {
    if (this.tasks.has(task.name))
      throw new TypeError(`task ${task.name}: expected a new name, it is registered already`);
    this.tasks.set(task.name, task);
  }

  /** Sends a task; resolves once the broker has it. */
  async send(
    task: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: SendOptions = {},
  ): Promise<TaskResult> {
    return (await this.apply(signature(task, args, kwargs, options))) as TaskResult;
  }

  /** Sends a signature: a task, chain, group or chord. The result of a group has those of its members. */
  async apply(canvas: Signature): Promise<TaskResult | GroupResult> {
    const [[id], members] = await applySignature(this, randomUUID, canvas, [], {});
    if (typeOf(canvas) !== "group") return this.result(id);
    return new GroupResult(
      id,
      (members ?? []).map(([[member]]) => this.result(member)),
      this.#backend,
    );
  }

  /**
   * Sends a chord whose parts come as a stream; see {@link chord}.
   *
   * @param body has an id
   * @param groupId a UUID, the same for the same chord
   * @throws TypeError where there is no part
   */
  async sendChord(parts: AsyncIterable<Signature>, body: Signature, groupId: string): Promise<void> {
    await sendChord(this, randomUUID, parts, body, groupId);
  }

  /** How many messages wait in a queue, of all priorities. */
  async queueLength(queue: string): Promise<number> {
    const lists = PRIORITY_STEPS.map((priority) => this.#broker.keys.queue(queue, priority));
    const lengths = await Promise.all(lists.map((list) => this.#broker.redis.llen(list)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** The result of a task that was sent by anybody. */
  result(taskId: string): TaskResult {
    return new TaskResult(taskId, this.#backend, this.#listener, Promise.resolve());
  }

  override asyncResult(taskId: string): TaskResult {
    return this.result(taskId);
  }

  /** As celery-node has it: returns at once; waiting for the result fails where sending did. */
  override sendTask(
    task: string,
    args: unknown[] = [],
    kwargs: object = {},
    taskId: string = randomUUID(),
  ): TaskResult {
    const sent = this.send(task, args, kwargs as Record<string, unknown>, { taskId });
    sent.catch(() => {}); // reported by whoever waits for the result
    return new TaskResult(taskId, this.#backend, this.#listener, sent);
  }

  /** The queue of a task: its own, what the routes say, or the default. */
  queueOf(task: TaskToSend): string {
    return task.queue ?? queueFor(this.#routes, task.task) ?? this.defaultQueue;
  }

  /** Headers and properties of a task's message. */
  message(task: TaskToSend): {
    headers: Record<string, unknown>;
    properties: Record<string, unknown>;
    body: unknown[];
  } {
    return {
      headers: {
        lang: "js",
        task: task.task,
        id: task.id,
        shadow: null,
        eta: task.eta,
        expires: task.expires,
        group: task.group,
        group_index: task.groupIndex,
        retries: 0,
        timelimit: task.timelimit,
        root_id: task.rootId,
        parent_id: task.parentId,
        argsrepr: pythonRepr(task.args),
        kwargsrepr: pythonRepr(task.kwargs),
        origin: this.#origin,
        ignore_result: task.ignoreResult,
        replaced_task_nesting: 0,
        stamped_headers: null,
        stamps: {},
      },
      properties: {
        correlation_id: task.id,
        reply_to: task.replyTo ?? this.#replyTo,
        priority: task.priority,
      },
      body: [task.args, task.kwargs, task.embed],
    };
  }

  /** Sends a prepared task; part of {@link CanvasSender}. */
  async sendPrepared(task: TaskToSend): Promise<void> {
    const { headers, properties, body } = this.message(task);
    const exchange = task.queue === undefined ? (task.exchange ?? "") : "";
    const routingKey = exchange === "" ? this.queueOf(task) : (task.routingKey ?? "");
    await this.#broker.publish(body, exchange, routingKey, headers, properties);
  }

  async setChordSize(groupId: string, size: number): Promise<void> {
    await this.#backend.setChordSize(groupId, size);
  }

  /** Closes all connections. */
  override async disconnect(): Promise<void> {
    this.#listener.close();
    await Promise.all([this.#broker.disconnect(), this.#backend.disconnect()]);
  }
}
