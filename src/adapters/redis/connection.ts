import { createClient, createSentinel, ErrorReply } from "redis";

export interface RedisOptions {
  readonly host: string;
  readonly port: number;
  /** Empty if the server wants none. A Sentinel itself gets none, as from the Python service. */
  readonly password: string;
  /** Whether host and port are a Sentinel's, which knows the master. */
  readonly usesSentinel: boolean;
  /** What the Sentinel calls the master. */
  readonly sentinelName: string;
  /** After this long without an answer, in milliseconds, a connection counts as lost. */
  readonly socketTimeoutMs: number;
}

/** The commands that we use, of one server or of a master that a Sentinel knows. */
export interface RedisConnection {
  connect(): Promise<unknown>;
  hGet(key: string, field: string): Promise<string | null | undefined>;
  hmGet(key: string, fields: string[]): Promise<(string | null)[]>;
  hDel(key: string, fields: string[]): Promise<number>;
  del(keys: string[]): Promise<number>;
  exists(key: string): Promise<number>;
  setEx(key: string, seconds: number, value: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  close(): Promise<void>;
  destroy(): void | Promise<void>;
}

const MAX_RECONNECT_DELAY_MS = 5000;

/** Answers that no later try changes. */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH|Client sent AUTH))/;

/**
 * A connection that comes back by itself after it was lost; commands wait for it, but no longer than the time-out.
 * Not connected yet. It speaks the protocol that all versions of Redis do.
 */
export function createRedisConnection(options: RedisOptions): RedisConnection {
  const { host, port, password, usesSentinel, sentinelName, socketTimeoutMs } = options;
  const socket = {
    connectTimeout: socketTimeoutMs,
    socketTimeout: socketTimeoutMs,
    keepAlive: true,
    reconnectStrategy,
  };
  const node = {
    ...(password === "" ? {} : { password }),
    pingInterval: Math.ceil(socketTimeoutMs / 3), // so that only a dead connection is ever silent
    maintNotifications: "disabled" as const,
    disableClientInfo: true,
  };
  const common = { RESP: 2 as const, commandOptions: { timeout: socketTimeoutMs } };
  const ignore = () => {}; // whoever waits for an answer is told
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

/** How long to wait before the next try to connect, in milliseconds; an error where that is of no use. */
function reconnectStrategy(retries: number, cause: Error): number | Error {
  if (cause instanceof ErrorReply && REFUSALS.test(cause.message)) return cause;
  const delay = Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(retries, 10));
  return Math.ceil(delay * (0.5 + Math.random() / 2));
}
