import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A proxy on a free port, in front of a server on 127.0.0.1, which can lose the answer to a chosen request. */
export class LossyProxy {
  /** The number of lost answers. */
  lostCount = 0;
  #lost: string | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: Server) {}

  static async start(port: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(createServer((client) => proxy.#serve(client, port)));
    await once(proxy.server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next request that contains this string reaches the server, but its connection is closed without an answer. */
  loseAnswerTo(text: string): void {
    this.#lost = text;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(client: Socket, port: number): void {
    const server = connect(port, "127.0.0.1");
    let isCut = false;
    client.on("data", (request) => {
      if (this.#lost !== undefined && request.includes(this.#lost)) {
        this.#lost = undefined;
        this.lostCount++;
        isCut = true;
      }
      server.write(request);
    });
    server.on("data", (answer) => {
      if (isCut) client.destroy();
      else client.write(answer);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
