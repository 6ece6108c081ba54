import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./free-port.js";

/** Passes connections on to a server, and cuts each one off once so many bytes have come back through it, or when told. */
export class CuttingProxy {
  readonly host = "127.0.0.1";
  /** Bytes of answers that a connection lives for. */
  cutAfter = Number.POSITIVE_INFINITY;
  cutCount = 0;
  /** Called as a connection is cut. */
  onCut: () => void = () => {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly port: number,
    target: { readonly host: string; readonly port: number },
  ) {
    this.#server = createServer((client) => {
      const upstream = connect(target.port, target.host);
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      }
      let passed = 0;
      client.on("data", (bytes) => upstream.write(bytes)).on("close", () => upstream.destroy());
      upstream.on("close", () => client.end());
      upstream.on("data", (bytes) => {
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

  /** Cuts all connections of now off, in both directions. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
