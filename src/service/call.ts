import type { Context, Middleware } from "koa";
import type { Logger } from "pino";
import {
  type Access,
  authorize as authorizeInProject,
  authorizeRun as authorizeInRun,
  type TokenKind,
} from "../linkage/authorize.js";
import type { Database } from "../linkage/database.js";
import type { Run } from "../linkage/run.js";
import type { Operation, OperationId } from "./openapi.js";

/** The state of a request, in addition to Koa's. */
export interface RequestState {
  /** Identifies the request in the log and in the answer. */
  requestId: string;
  log: Logger;
  /** The call, once the path is matched. */
  operation?: Operation;
  /** Set once the token is verified; before that, an id may be anything. */
  projectId?: string;
  runId?: string;
}

/** A request with a known path and all required headers. */
export type Call = Context & { state: RequestState; params: Record<string, string> };

export type Handler = (call: Call) => void | Promise<void>;

/** The handlers of calls, grouped by resource. */
export type Handlers<Ids extends OperationId> = Readonly<Record<Ids, Handler>>;

export type ServiceMiddleware = Middleware<RequestState>;

/** Like linkage's `authorize`, for the call's project and token. */
export async function authorize(
  call: Call,
  database: Pick<Database, "findProject" | "listDataproviders">,
  ...kinds: readonly TokenKind[]
): Promise<Access> {
  const access = await authorizeInProject(database, call.params["project_id"]!, tokenOf(call), kinds);
  call.state.projectId = access.project.projectId;
  return access;
}

/** Like linkage's `authorizeRun`, for the call's run and token. */
export async function authorizeRun(
  call: Call,
  database: Pick<Database, "findProject" | "listDataproviders" | "findRun">,
  ...kinds: readonly TokenKind[]
): Promise<Access & { readonly run: Run }> {
  const { project_id: projectId, run_id: runId } = call.params;
  const access = await authorizeInRun(database, projectId!, runId!, tokenOf(call), kinds);
  call.state.projectId = access.project.projectId;
  call.state.runId = access.run.runId;
  return access;
}

/** The token, as received. */
export function tokenOf(call: Call): string {
  return call.get("authorization");
}

/** Formats a time like Python's `isoformat` for UTC times without a zone. */
export function isoTime(time: Date): string {
  return time.toISOString().replace("Z", "000");
}
