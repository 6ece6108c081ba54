import type { IncomingMessage, ServerResponse } from "node:http";
import type { ResponseBody } from "./openapi.js";
import { problem } from "./problem.js";

/** Answers requests while the service starts: `/healthz` with 200, all others with 503. */
export function startingHandler({ url = "/" }: IncomingMessage, response: ServerResponse): void {
  const path = url.replace(/\?.*/, "").replace(/\/{2,}/g, "/");
  // An unread body must not be mistaken for the next request.
  response.setHeader("Connection", "close");
  switch (path.replace(/^\/api\/v1(?=\/)/, "")) {
    case "/healthz": {
      const body: ResponseBody<"getHealth", 200> = { status: "ok" };
      send(response, 200, body);
      break;
    }
    case "/readyz": {
      const body: ResponseBody<"getReadiness", 503> = { status: "waiting", stores: {} };
      send(response, 503, body);
      break;
    }
    default:
      response.setHeader("Retry-After", "1");
      send(response, 503, problem(503, "The service is starting. Try again in a moment."), "problem+json");
  }
}

function send(response: ServerResponse, status: number, body: object, type = "json"): void {
  response.writeHead(status, { "Content-Type": `application/${type}; charset=utf-8` });
  response.end(JSON.stringify(body));
}
