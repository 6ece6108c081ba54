import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./free-port.js";

/**
 * A proxy in front of a server that can go silent: it swallows all bytes in both directions, including those of new
 * connections, and closes none. When it is resumed, new connections work; silent ones stay silent, as behind a router
 * that has forgotten them. It can also refuse connections: it then resets all current ones, and new ones immediately.
 */
export class SwallowingProxy {
  readonly host = "127.0.0.1";
  /** The number of connections so far, including refused ones. */
  connectionCount = 0;
  #state: "passing" | "silent" | "refusing" = "passing";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #swallowed = new WeakSet<Socket>();

  private constructor(
    readonly port: number,
    target: { readonly host: string; readonly port: number },
  ) {
    this.#server = createServer((client) => this.#serve(client, target));
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<SwallowingProxy> {
    const proxy = new SwallowingProxy(await freePort(), target);
    await once(proxy.#server.listen(proxy.port, proxy.host), "listening");
    return proxy;
  }

  silence(): void {
    this.#state = "silent";
    for (const socket of this.#sockets) this.#swallowed.add(socket);
  }

  refuse(): void {
    this.#state = "refusing";
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  resume(): void {
    this.#state = "passing";
  }

  /** Closes the silent connections, on both sides. */
  closeSilent(): void {
    for (const socket of this.#sockets) if (this.#swallowed.has(socket)) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket, target: { readonly host: string; readonly port: number }): void {
    this.connectionCount++;
    if (this.#state === "refusing") {
      client.on("error", () => {}).resetAndDestroy();
      return;
    }
    if (this.#state === "silent") {
      this.#track(client);
      this.#swallowed.add(client);
      client.on("data", () => {});
      return;
    }
    const server = connect(target.port, target.host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#track(from);
      from.on("data", (bytes) => {
        if (this.#swallowed.has(from)) return;
        if (to.write(bytes)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
      from.on("close", () => {
        if (!this.#swallowed.has(from)) to.destroy();
      });
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }
}
