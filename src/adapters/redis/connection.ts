import { setTimeout as delay } from "node:timers/promises";
import { createClient, createSentinel, ErrorReply, TimeoutError } from "redis";

export interface RedisOptions {
  readonly host: string;
  readonly port: number;
  /** Empty if the server requires none. It is not sent to a Sentinel, as in the Python service. */
  readonly password: string;
  /** Whether host and port belong to a Sentinel, which knows the master. */
  readonly usesSentinel: boolean;
  /** The Sentinel's name for the master. */
  readonly sentinelName: string;
  /** A connection counts as lost after this long without an answer, in milliseconds. */
  readonly socketTimeoutMs: number;
}

/** The commands that we use. */
interface RedisCommands {
  hGet(key: string, field: string): Promise<string | null | undefined>;
  hmGet(key: string, fields: string[]): Promise<(string | null)[]>;
  hDel(key: string, fields: string[]): Promise<number>;
  del(keys: string[]): Promise<number>;
  exists(key: string): Promise<number>;
  setEx(key: string, seconds: number, value: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** The driver's client for one server, or for a master that a Sentinel knows. */
interface Client extends RedisCommands {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  close(): Promise<void>;
  destroy(): unknown;
}

const MAX_RECONNECT_DELAY_MS = 8000;
const CLOSE_MS = 1000;

/** Errors that a retry cannot fix. */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH|Client sent AUTH))/;

/**
 * A connection that recovers by itself after it is lost. Commands wait for it, but no longer than the timeout. A
 * connection on which a command is not answered in time is replaced. A new instance is not connected yet. It uses the
 * protocol version that all versions of Redis support.
 *
 * The driver's own timeouts are not enough: its command timeout ends when the command is sent, and its socket timeout
 * restarts with each command that is sent.
 */
export class RedisConnection implements RedisCommands {
  readonly #options: RedisOptions;
  #client: Client;
  #createdAt = performance.now();

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#client = createRedisClient(options);
  }

  /** Resolves once the server has accepted the connection; rejects if it never will, as with a wrong password. */
  async connect(): Promise<void> {
    await this.#client.connect();
  }

  hGet(key: string, field: string): Promise<string | null | undefined> {
    return this.#ask((client) => client.hGet(key, field));
  }

  hmGet(key: string, fields: string[]): Promise<(string | null)[]> {
    return this.#ask((client) => client.hmGet(key, fields));
  }

  hDel(key: string, fields: string[]): Promise<number> {
    return this.#ask((client) => client.hDel(key, fields));
  }

  del(keys: string[]): Promise<number> {
    return this.#ask((client) => client.del(keys));
  }

  exists(key: string): Promise<number> {
    return this.#ask((client) => client.exists(key));
  }

  setEx(key: string, seconds: number, value: string): Promise<unknown> {
    return this.#ask((client) => client.setEx(key, seconds, value));
  }

  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown> {
    return this.#ask((client) => client.eval(script, options));
  }

  /** Closes the connection gracefully, or forcibly if the server is silent for a second. */
  async close(): Promise<void> {
    const client = this.#client;
    const closed = client.close().then(() => true);
    const late = delay(CLOSE_MS, false, { ref: false });
    if (!(await Promise.race([closed, late]))) client.destroy();
  }

  destroy(): void {
    this.#client.destroy();
  }

  async #ask<T>(command: (client: Client) => Promise<T>): Promise<T> {
    const client = this.#client;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new TimeoutError());
        this.#replace(client);
      }, this.#options.socketTimeoutMs);
    });
    const answer = command(client);
    answer.catch(() => {}); // in case it rejects after the timeout
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  /**
   * Replaces a connection that looks healthy but is silent. Reconnecting is left to the driver, unless it is stuck: it
   * waits forever for a silent Sentinel.
   */
  #replace(client: Client): void {
    if (client !== this.#client) return;
    const { usesSentinel, socketTimeoutMs } = this.#options;
    const isStuck = usesSentinel && performance.now() - this.#createdAt > 3 * socketTimeoutMs;
    if (!client.isReady && !isStuck) return;
    this.#createdAt = performance.now();
    this.#client = createRedisClient(this.#options);
    this.#client.connect().catch(() => {}); // its commands report failures
    client.destroy();
  }
}

function createRedisClient(options: RedisOptions): Client {
  const { host, port, password, usesSentinel, sentinelName, socketTimeoutMs } = options;
  const socket = {
    connectTimeout: socketTimeoutMs,
    socketTimeout: socketTimeoutMs,
    keepAlive: true,
    reconnectStrategy: createReconnectStrategy(),
  };
  const node = {
    ...(password === "" ? {} : { password }),
    pingInterval: Math.ceil(socketTimeoutMs / 3), // so that an idle connection is silent only if it is dead
    maintNotifications: "disabled" as const,
    disableClientInfo: true,
  };
  const common = { RESP: 2 as const, commandOptions: { timeout: socketTimeoutMs } };
  const ignore = () => {}; // pending commands report errors
  if (usesSentinel) {
    const sentinel = createSentinel({
      ...common,
      name: sentinelName,
      sentinelRootNodes: [{ host, port }],
      nodeClientOptions: { ...node, socket },
      sentinelClientOptions: { socket: { connectTimeout: socketTimeoutMs } },
    });
    sentinel.on("error", ignore);
    return sentinel;
  }
  const client = createClient({ ...common, ...node, socket: { ...socket, host, port } });
  client.on("error", ignore);
  return client;
}

/**
 * Computes the delay before the next attempt to connect, in milliseconds, or returns an error if retrying is useless.
 * The driver's own count of attempts restarts with each connection made, even if it is lost at once, e.g. behind a
 * proxy whose server is down.
 */
function createReconnectStrategy(): (retries: number, cause: Error) => number | Error {
  let tries = 0;
  let lastTry = 0;
  return (_, cause) => {
    if (cause instanceof ErrorReply && REFUSALS.test(cause.message)) return cause;
    const now = performance.now();
    if (now - lastTry > 3 * MAX_RECONNECT_DELAY_MS) tries = 0;
    lastTry = now;
    const delayMs = Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(tries++, 10));
    return Math.ceil(delayMs * (0.5 + Math.random() / 2));
  };
}
