import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

/** Whether a worker can do its work, and if not, why. */
export interface Readiness {
  readonly isReady: boolean;
  /** By store: whether it answers. */
  readonly stores: Readonly<Record<string, boolean>>;
}

/** What a health server reports. */
export interface Health {
  /** Whether the process can continue; if not, it should be restarted. Default: true while it answers. */
  readonly isAlive?: () => boolean;
  readonly readiness: () => Readiness;
}

/**
 * Serves `/healthz` (200 while the process is alive, otherwise 503), `/readyz` (200 while the stores answer and tasks
 * are taken, otherwise 503) and `/metrics` (Prometheus) on a separate port. Answers are JSON, except for `/metrics`,
 * and contain no addresses.
 *
 * @param port 0 for any free port
 * @throws the system's error if the port is taken
 */
export async function serveHealth(
  host: string,
  port: number,
  { isAlive = () => true, readiness }: Health,
  registry: Registry,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, { status: "use GET" });
    switch (new URL(request.url ?? "/", "http://worker").pathname) {
      case "/healthz":
        return isAlive() ? answer(200, { status: "ok" }) : answer(503, { status: "stuck" });
      case "/readyz": {
        const { isReady, stores } = readiness();
        return answer(isReady ? 200 : 503, { status: isReady ? "ok" : "waiting", stores });
      }
      case "/metrics":
        return registry.metrics().then(
          (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
          () => answer(500, { status: "failed" }),
        );
      default:
        return answer(404, { status: "use /healthz, /readyz or /metrics" });
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  return server;
}
