import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./free-port.js";

/**
 * A proxy that cuts each connection to a server after {@link cutAfter} bytes of answers, or on request. It can also go
 * silent, like a network that drops packets: it passes nothing on and closes nothing.
 */
export class CuttingProxy {
  readonly host = "127.0.0.1";
  /** The number of answer bytes after which a connection is cut. */
  cutAfter = Number.POSITIVE_INFINITY;
  cutCount = 0;
  /** Called when a connection is cut by {@link cutAfter}. */
  onCut: () => void = () => {};
  /** Whether new connections are silent as well. */
  isSilent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections that no longer pass anything on, in either direction. */
  readonly #silenced = new WeakSet<Socket>();

  private constructor(
    readonly port: number,
    target: { readonly host: string; readonly port: number },
  ) {
    this.#server = createServer((client) => {
      if (this.isSilent) return this.#swallow(client);
      const upstream = connect(target.port, target.host);
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      }
      let passed = 0;
      client.on("close", () => upstream.destroy());
      client.on("data", (bytes) => {
        if (!this.#silenced.has(client)) upstream.write(bytes);
      });
      upstream.on("close", () => {
        if (!this.#silenced.has(upstream)) client.end();
      });
      upstream.on("data", (bytes) => {
        if (this.#silenced.has(upstream)) return;
        const rest = this.cutAfter - passed;
        passed += bytes.length;
        if (passed <= this.cutAfter) {
          if (!client.write(bytes)) {
            upstream.pause();
            client.once("drain", () => upstream.resume());
          }
          return;
        }
        upstream.removeAllListeners("data").destroy();
        this.cutCount++;
        this.onCut();
        client.write(bytes.subarray(0, rest), () => client.resetAndDestroy());
      });
    });
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(await freePort(), target);
    await new Promise<void>((resolve) => proxy.#server.listen(proxy.port, proxy.host, resolve));
    return proxy;
  }

  /** Cuts all current connections, in both directions. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Silences, permanently, the current connections and those opened before {@link resume}. */
  silence(): void {
    this.isSilent = true;
    for (const socket of this.#sockets) this.#silenced.add(socket);
  }

  /** Passes new connections on again. */
  resume(): void {
    this.isSilent = false;
  }

  #swallow(client: Socket): void {
    this.#sockets.add(client);
    client.on("error", () => {}).on("close", () => this.#sockets.delete(client));
    client.resume();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
