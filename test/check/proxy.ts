import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** The response for the client. */
export interface ProxiedAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Handles the requests between a check and a service.
 *
 * @param forward sends the request to the service; its response may be changed. Need not be called.
 */
export type Between = (
  request: ProxiedRequest,
  forward: () => Promise<ProxiedAnswer>,
) => Promise<ProxiedAnswer>;

/** Starts a proxy on a free port; returns its URL. */
export async function startProxy(serviceUrl: string, between: Between) {
  // Only clients close idle connections; otherwise the server may close one just as a request is sent.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = "GET", url: path = "/", headers } = request;
    const forward = async (): Promise<ProxiedAnswer> => {
      const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...rest } = headers;
      const answer = await fetch(serviceUrl + path, {
        method,
        headers: rest as Record<string, string>,
        body: parts.length === 0 ? null : Buffer.concat(parts),
      });
      const type = answer.headers.get("content-type");
      return {
        status: answer.status,
        headers: type === null ? {} : { "content-type": type },
        text: await answer.text(),
      };
    };
    const { status, headers: answered, text } = await between({ method, path, headers }, forward);
    response.writeHead(status, answered).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
