import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { ServiceMiddleware } from "./call.js";
import type { ServiceMetrics } from "./metrics.js";

/** Request ids that are accepted from a proxy in front of the service. */
const SANE_ID = /^[\w.:-]{1,100}$/;
const MAX_HEADER_LENGTH = 200;

/**
 * Gives each request an id, logs it in one line when it ends, and counts it. A line contains the call, but never the
 * raw path, the query, the body or a token: a token that a client confused with an id must not appear in the log.
 *
 * @param loggedHeaders names in lower case
 */
export function requestLog(
  log: Logger,
  metrics: ServiceMetrics,
  loggedHeaders: readonly string[],
): ServiceMiddleware {
  return async (ctx, next) => {
    const begin = performance.now();
    const given = ctx.get("x-request-id");
    const requestId = SANE_ID.test(given) ? given : randomUUID();
    ctx.state.requestId = requestId;
    ctx.state.log = log.child({ requestId });
    ctx.set("X-Request-Id", requestId);
    ctx.res.once("close", () => {
      const seconds = (performance.now() - begin) / 1000;
      const { operation, projectId, runId } = ctx.state;
      const call = operation?.id ?? "none";
      const isComplete = ctx.res.writableFinished;
      metrics.requestDone(call, ctx.res.statusCode, seconds);
      const headers = pickHeaders(ctx.headers, loggedHeaders);
      ctx.state.log.info(
        {
          method: ctx.method,
          call,
          status: ctx.res.statusCode,
          seconds: Number(seconds.toFixed(4)),
          ...(projectId === undefined ? {} : { projectId }),
          ...(runId === undefined ? {} : { runId }),
          ...(headers === undefined ? {} : { headers }),
        },
        isComplete ? "request" : "request broken off",
      );
    });
    await next();
  };
}

function pickHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> | undefined {
  const found = names.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, String(value).slice(0, MAX_HEADER_LENGTH)]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
