import type { Database } from "../../linkage/database.js";
import type { RunCache } from "../../linkage/run-cache.js";
import type { Handlers } from "../call.js";
import { docsPage } from "../docs-page.js";
import type { ServiceMetrics } from "../metrics.js";
import { openApiJson, type ResponseBody } from "../openapi.js";
import { HttpProblem } from "../problem.js";
import type { Readiness } from "../readiness.js";

const STATUS_MS = 30_000;
/** Reported until a run has been measured: the original's value, so that no client divides by 0. */
const UNKNOWN_RATE = 1;

export interface GeneralParts {
  readonly database: Pick<Database, "check" | "countProjects" | "findComparisonRate">;
  readonly cache: Pick<RunCache, "check">;
  readonly readiness: Readiness;
  readonly metrics: ServiceMetrics;
  readonly version: string;
}

type GeneralCalls =
  | "getStatus"
  | "getVersion"
  | "getHealth"
  | "getReadiness"
  | "getMetrics"
  | "getOpenApi"
  | "getDocs";

/** The service's health, metrics, versions and documentation. */
export function generalRoutes(parts: GeneralParts): Handlers<GeneralCalls> {
  const { readiness, metrics, version } = parts;
  let status: { body: ResponseBody<"getStatus", 200>; until: number } | undefined;
  return {
    async getStatus(call) {
      if (status === undefined || performance.now() >= status.until) {
        const body = await readStatus(parts).catch((error: unknown) => {
          call.state.log.error({ err: error }, "status unknown");
          throw new HttpProblem(500, "The database or the cache does not answer.");
        });
        status = { body, until: performance.now() + STATUS_MS };
      }
      call.body = status.body;
    },

    getVersion(call) {
      call.body = {
        anonlink: `anonlink-wasm ${version}`,
        entityservice: `anonlink-wasm-service ${version}`,
        python: `none; Node.js ${process.versions.node}`,
      } satisfies ResponseBody<"getVersion", 200>;
    },

    getHealth(call) {
      call.body = { status: "ok" } satisfies ResponseBody<"getHealth", 200>;
    },

    async getReadiness(call) {
      const { isReady, stores } = await readiness.ask();
      call.status = isReady ? 200 : 503;
      call.body = { status: isReady ? "ok" : "waiting", stores: { ...stores } } satisfies ResponseBody<
        "getReadiness",
        200
      >;
    },

    async getMetrics(call) {
      call.body = await metrics.registry.metrics();
      call.type = metrics.registry.contentType;
    },

    getOpenApi(call) {
      call.body = openApiJson;
      call.type = "application/json";
    },

    getDocs(call) {
      call.body = docsPage();
      call.type = "text/html; charset=utf-8";
    },
  };
}

async function readStatus({ database, cache }: GeneralParts): Promise<ResponseBody<"getStatus", 200>> {
  const [projectCount, rate] = await Promise.all([
    database.countProjects(),
    database.findComparisonRate(),
    database.check(),
    cache.check(),
  ]);
  return { status: "ok", project_count: projectCount, rate: Math.round(rate ?? UNKNOWN_RATE) };
}
