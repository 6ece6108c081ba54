import cors from "@koa/cors";
import Koa from "koa";
import helmet from "koa-helmet";
import type { Logger } from "pino";
import { answerProblems } from "./answer-problems.js";
import type { Handlers, RequestState, ServiceMiddleware } from "./call.js";
import { jsonReader } from "./json-body.js";
import { ServiceMetrics } from "./metrics.js";
import { normalizePath } from "./normalize-path.js";
import type { OperationId } from "./openapi.js";
import type { ServiceParts, ServiceSettings } from "./parts.js";
import { Readiness } from "./readiness.js";
import { requestLog } from "./request-log.js";
import { routeCalls } from "./route-calls.js";
import { externalUploadRoutes } from "./routes/external-upload.js";
import { generalRoutes } from "./routes/general.js";
import { projectRoutes } from "./routes/projects.js";
import { resultRoutes } from "./routes/results.js";
import { runRoutes } from "./routes/runs.js";
import { uploadRoutes } from "./routes/uploads.js";

const BODY_IDLE_MS = 120_000;

/** The REST API over a set of stores, as a Koa application. */
export function createApp(parts: ServiceParts, settings: ServiceSettings, log: Logger): Koa<RequestState> {
  const { database, encodings, objects, cache, tasks, uploadBucket, downloadBucket } = parts;
  const metrics = new ServiceMetrics(parts);
  const readiness = new Readiness({ database, cache, objects, tasks });
  const readJson = jsonReader(settings.maxJsonByteLength);
  const uploadStores = { database, encodings, cache, tasks, externalBucket: uploadBucket?.bucket };
  const handlers: Handlers<OperationId> = {
    ...generalRoutes({ database, cache, readiness, metrics, version: settings.version }),
    ...projectRoutes(parts, readJson, settings.maxParties),
    ...externalUploadRoutes(database, uploadBucket),
    ...uploadRoutes(uploadStores, {
      uploads: settings.uploads,
      maxBodyByteLength: settings.maxBodyByteLength,
      bodyIdleMs: settings.bodyIdleMs ?? BODY_IDLE_MS,
      metrics,
    }),
    ...runRoutes(parts, readJson),
    ...resultRoutes(database, objects, downloadBucket),
  };

  const app = new Koa<RequestState>();
  // Errors after an answer has begun: mostly clients that disconnected.
  app.on("error", (error: unknown, ctx?: Koa.ParameterizedContext<RequestState>) => {
    (ctx?.state.log ?? log).warn({ err: error }, "answer broken off");
  });
  app.use(requestLog(log, metrics, settings.loggedHeaders));
  app.use(securityHeaders());
  if (settings.corsOrigins.length > 0) app.use(crossOrigin(settings.corsOrigins));
  app.use(answerProblems);
  app.use(normalizePath);
  for (const middleware of routeCalls(handlers)) app.use(middleware);
  return app;
}

function securityHeaders(): ServiceMiddleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      // The page at /docs has an inline style, and nothing else.
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'unsafe-inline'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false, // up to the proxy that terminates TLS
    crossOriginResourcePolicy: { policy: "same-origin" },
  }) as unknown as ServiceMiddleware;
}

function crossOrigin(origins: readonly string[]): ServiceMiddleware {
  return cors({
    origin: (ctx) => {
      const origin = ctx.get("origin");
      if (origins.includes("*")) return "*";
      return origins.includes(origin) ? origin : "";
    },
    allowMethods: "GET,POST,DELETE",
    allowHeaders:
      "Authorization,Content-Type,Content-Encoding,Hash-Count,Hash-Size,RETURN-OBJECT-STORE-ADDRESS,X-Request-Id",
    exposeHeaders: "X-Request-Id",
    maxAge: 600,
  }) as unknown as ServiceMiddleware;
}
