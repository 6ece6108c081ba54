import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import client from "celery-node/dist/app/client.js";
import { type BackendOptions, CeleryBackend } from "./backend.js";
import { type BrokerOptions, CeleryBroker } from "./broker.js";
import type { KeyOptions } from "./broker-keys.js";
import { applySignature, type CanvasSender } from "./canvas/apply-signature.js";
import { typeOf } from "./canvas/composites.js";
import { prepareTask, type TaskToSend } from "./canvas/prepare-task.js";
import { GroupResult } from "./group-result.js";
import { encodeMessage, type Signature, type TaskMessage } from "./message.js";
import { ResultListener } from "./result-listener.js";
import { queueFor, type Routes } from "./routes.js";
import { runScript } from "./scripts/run-script.js";
import { SEND_AGAIN, SEND_ONCE, SENT_AGAIN_SECONDS } from "./scripts/send-once.js";
import { SentChord } from "./sent-chord.js";
import { type SendOptions, signature } from "./signature.js";
import { taskHeaders } from "./task-headers.js";
import {
  checkTaskOptions,
  type RegisteredTask,
  type TaskHandler,
  type TaskModule,
  type TaskOptions,
} from "./task-registry.js";
import { TaskResult } from "./task-result.js";
import { listTasks } from "./waiting-tasks.js";

/** A message and the broker's list to push it to. */
export interface QueueItem {
  readonly list: string;
  readonly message: string;
}

export interface CeleryAppOptions extends KeyOptions {
  /** Address of the broker: see `parseConnection`. */
  readonly broker: string;
  /** Address of the result store; default: the broker's. */
  readonly backend?: string;
  /** Prefix of all result keys. */
  readonly resultKeyPrefix?: string;
  /** See {@link BrokerOptions.visibilityTimeoutSeconds}; default 3,600. */
  readonly visibilityTimeoutSeconds?: number;
  /** See {@link BrokerOptions.workerLifetimeSeconds}; default 15. */
  readonly workerLifetimeSeconds?: number;
  /** See {@link BrokerOptions.maxMessageBytes}; default 67,108,864. */
  readonly maxMessageBytes?: number;
  /** Seconds to keep results; default 86,400, 0 for no expiry. */
  readonly resultExpiresSeconds?: number;
  /** Seconds to remember tasks that are sent only once; default 864,000 (10 days). */
  readonly sentExpiresSeconds?: number;
  readonly sentinelMaster?: string;
  readonly sentinelPassword?: string;
  /** See {@link BrokerOptions.socketTimeoutSeconds}; default 15. */
  readonly socketTimeoutSeconds?: number;
  /** Maps task names to queues; see `parseRoutes`. */
  readonly routes?: Routes;
  /** The queue of all other tasks; default `celery`. */
  readonly defaultQueue?: string;
}

/**
 * A Celery application: registers the tasks that workers run, sends tasks and waits for results. Extends celery-node's
 * client (`createTask(name).delay(…)` works) with a transport that loses no messages.
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

  /** @throws TypeError for an invalid address */
  constructor(options: CeleryAppOptions) {
    const backend = options.backend ?? options.broker;
    super(options.broker, backend, options.defaultQueue ?? "celery");
    const { sentinelMaster, sentinelPassword, visibilityTimeoutSeconds, resultExpiresSeconds } = options;
    const { socketTimeoutSeconds } = options;
    const brokerOptions: BrokerOptions = {
      sentinelMaster,
      sentinelPassword,
      socketTimeoutSeconds,
      visibilityTimeoutSeconds,
      workerLifetimeSeconds: options.workerLifetimeSeconds,
      maxMessageBytes: options.maxMessageBytes,
      keyPrefix: options.keyPrefix,
      prioritySteps: options.prioritySteps,
      separator: options.separator,
    };
    const backendOptions: BackendOptions = {
      sentinelMaster,
      sentinelPassword,
      socketTimeoutSeconds,
      resultExpiresSeconds,
      keyPrefix: options.resultKeyPrefix,
    };
    this.sharesServer = backend === options.broker;
    this.#broker = new CeleryBroker(options.broker, brokerOptions);
    this.#backend = new CeleryBackend(backend, backendOptions);
    this.#listener = new ResultListener(this.#backend);
    this.#routes = options.routes ?? [];
    this.defaultQueue = options.defaultQueue ?? "celery";
    this.sentExpiresSeconds = options.sentExpiresSeconds ?? 864_000;
  }

  /** How long to remember tasks that are sent only once, in seconds. */
  readonly sentExpiresSeconds: number;

  /** Whether messages and results share one database, so that one script can change both. */
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
   * @param handler receives the parameters by name and the context of the call; its result goes to the caller
   * @throws TypeError if the name is taken or an option is invalid
   */
  task<Parameters extends Record<string, unknown>>(
    name: string,
    options: TaskOptions,
    handler: TaskHandler<Parameters>,
  ): void {
    this.#register({ name, ...checkTaskOptions(name, options), handler: handler as TaskHandler });
  }

  /** Registers a task that runs in a separate process, which can be killed. @throws TypeError as {@link task} */
  taskModule(name: string, options: TaskOptions & TaskModule): void {
    const { module, export: exportName } = options;
    this.#register({
      name,
      ...checkTaskOptions(name, options),
      module: { module, ...(exportName === undefined ? {} : { export: exportName }) },
    });
  }

  #register(task: RegisteredTask): void {
    if (this.tasks.has(task.name)) throw new TypeError(`The task ${task.name} is already registered.`);
    this.tasks.set(task.name, task);
  }

  /** Sends a task; resolves once the broker has accepted it. */
  async send(
    task: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: SendOptions = {},
  ): Promise<TaskResult> {
    return (await this.apply(signature(task, args, kwargs, options))) as TaskResult;
  }

  /** Sends a signature: a task, chain, group or chord. A group's result contains its members' results. */
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
   * Sends a task unless a task with its id was sent this way before. If there are several senders or attempts, only one
   * of them sends it.
   *
   * @param task a single task that has an id
   * @returns whether this call sent it
   */
  async sendOnce(task: Signature): Promise<boolean> {
    const prepared = prepareTask(randomUUID, task, [], {});
    const { list, message } = await this.encode(prepared);
    const { redis, keys } = this.#broker;
    const record = keys.sentOnce(prepared.id);
    return (await runScript(redis, SEND_ONCE, 2, record, list, message, this.sentExpiresSeconds)) === 1;
  }

  /**
   * Sends a task again that is known to be lost: it is not in a queue, not held by a worker and not done. If several
   * callers detect the same loss, only one of them sends it.
   *
   * @param task a single task that has an id
   * @param followers ids of tasks that follow it and are sent only once; they may be sent again too
   * @returns whether this call sent it
   */
  async sendAgain(task: Signature, followers: readonly string[] = []): Promise<boolean> {
    const prepared = prepareTask(randomUUID, task, [], {});
    const { list, message } = await this.encode(prepared);
    const { redis, keys } = this.#broker;
    const names = [keys.sentAgain(prepared.id), list, ...followers.map((id) => keys.sentOnce(id))];
    return (await runScript(redis, SEND_AGAIN, names.length, ...names, message, SENT_AGAIN_SECONDS)) === 1;
  }

  /** A chord that is queued only once, even with several senders. @param groupId a UUID, the same for the same chord */
  chordOf(groupId: string): SentChord {
    return new SentChord(this, groupId);
  }

  /** The tasks waiting in these queues and those held by workers; see {@link listTasks}. */
  tasksIn(queues: readonly string[]): AsyncGenerator<TaskMessage> {
    return listTasks(this.#broker, queues);
  }

  /** Encodes a prepared task as a message for its queue, for a script that sends it along with something else. */
  async encode(task: TaskToSend): Promise<QueueItem> {
    const { headers, properties, body } = this.message(task);
    const queue = this.queueOf(task);
    const delivery = {
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: queue },
      delivery_tag: randomUUID(),
    };
    return {
      list: await this.#broker.listFor(queue, task.priority),
      message: encodeMessage(headers, { ...properties, ...delivery }, body),
    };
  }

  /** The number of messages waiting in a queue, across all priorities. */
  async queueLength(queue: string): Promise<number> {
    const lists = this.#broker.keys.queueLists(queue);
    const lengths = await Promise.all(lists.map((list) => this.#broker.redis.llen(list)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** The result of a task that any client has sent. */
  result(taskId: string): TaskResult {
    return new TaskResult(taskId, this.#backend, this.#listener, Promise.resolve());
  }

  override asyncResult(taskId: string): TaskResult {
    return this.result(taskId);
  }

  /** As in celery-node: returns at once; if sending fails, so does waiting for the result. */
  override sendTask(
    task: string,
    args: unknown[] = [],
    kwargs: object = {},
    taskId: string = randomUUID(),
  ): TaskResult {
    const sent = this.send(task, args, kwargs as Record<string, unknown>, { taskId });
    sent.catch(() => {}); // reported when the result is awaited
    return new TaskResult(taskId, this.#backend, this.#listener, sent);
  }

  /** The queue of a task: its own, else the routed one, else the default. */
  queueOf(task: TaskToSend): string {
    return task.queue ?? queueFor(this.#routes, task.task) ?? this.defaultQueue;
  }

  /** The headers, properties and body of a task's message. */
  message(task: TaskToSend): {
    headers: Record<string, unknown>;
    properties: Record<string, unknown>;
    body: unknown[];
  } {
    return {
      headers: taskHeaders(task, this.#origin),
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
