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

/** What is known of a request beside what Koa knows. */
export interface RequestState {
  /** The id that log and answer name it by. */
  requestId: string;
  log: Logger;
  /** The call, once the path has told it. */
  operation?: Operation;
  /** Set once the token was found to be right; before, an id may be anything. */
  projectId?: string;
  runId?: string;
}

/** A request of a known path, whose headers are there. */
export type Call = Context & { state: RequestState; params: Record<string, string> };

export type Handler = (call: Call) => void | Promise<void>;

/** What does the calls; those of one resource together. */
export type Handlers<Ids extends OperationId> = Readonly<Record<Ids, Handler>>;

export type ServiceMiddleware = Middleware<RequestState>;

/** As `authorize` of linkage, for the call's project and token. */
export async function authorize(
  call: Call,
  database: Pick<Database, "findProject" | "listDataproviders">,
  ...kinds: readonly TokenKind[]
): Promise<Access> {
  const access = await authorizeInProject(database, call.params["project_id"]!, tokenOf(call), kinds);
  call.state.projectId = access.project.projectId;
  return access;
}

/** As `authorizeRun` of linkage, for the call's run and token. */
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

/** The token, as it came. */
export function tokenOf(call: Call): string {
  return call.get("authorization");
}

/** A time as Python's isoformat writes one of UTC without a zone. */
export function isoTime(time: Date): string {
  return time.toISOString().replace("Z", "000");
}
