import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expectContinue } from "./expect-continue.js";

/** How long headers may take. Bodies have no such limit: they only must not stall. */
const HEADERS_MS = 60_000;
/** Longer than load balancers keep connections, so that they close them first. */
const KEEP_ALIVE_MS = 75_000;
/** How long a client may receive nothing of an answer, or send nothing. */
const IDLE_MS = 900_000;
/** How long a body is still read and discarded after the request was refused. */
const REFUSED_BODY_MS = 10_000;
const SWEEP_MS = 50;

/** An HTTP server for long uploads and long answers. */
export class HttpServer {
  readonly #server: Server;
  #url = "";

  constructor(listener: RequestListener) {
    this.#server = createServer(
      { headersTimeout: HEADERS_MS, requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS },
      listener,
    );
    this.#server.timeout = IDLE_MS;
    this.#server.on("checkContinue", (request, response) => {
      expectContinue(request);
      this.#server.emit("request", request, response);
    });
    this.#server.on("request", (request, response) => {
      response.once("finish", () => {
        if (request.complete) return;
        // If closed at once, a client that is still sending would not get the answer.
        const timer = setTimeout(() => {
          if (!request.complete) request.destroy();
        }, REFUSED_BODY_MS);
        timer.unref();
      });
    });
  }

  /** The address it listens on, such as `http://127.0.0.1:8851`. */
  get url(): string {
    return this.#url;
  }

  /**
   * @param port 0 for any free port
   * @throws the system's error if the port is unavailable
   */
  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    const { address, port: actual } = this.#server.address() as AddressInfo;
    this.#url = `http://${isIPv6(address) ? `[${address}]` : address}:${actual}`;
  }

  /** Accepts no more requests; resolves once those in progress are answered, or cut off after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    // Keep-alive connections become idle one by one.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), SWEEP_MS);
    await Promise.race([closed, delay(graceMs, undefined, { ref: false })]);
    clearInterval(sweep);
    this.#server.closeAllConnections();
    await closed;
  }
}
