import { createHash, timingSafeEqual } from "node:crypto";
import type { Database } from "./database.js";
import { ServiceError } from "./errors.js";
import type { Dataprovider, Project } from "./project.js";

/** `update`: a party's, for one upload. `receipt`: a party's, after its upload. `result`: the project owner's. */
export type TokenKind = "update" | "receipt" | "result";

/** The caller of a request and the project it concerns. */
export interface Access {
  readonly kind: TokenKind;
  readonly project: Project;
  /** All parties, by index. */
  readonly parties: readonly Dataprovider[];
  /** The party that the token belongs to; `undefined` for the result token. */
  readonly party: Dataprovider | undefined;
}

/** Format of ids and tokens: 24 random bytes in hexadecimal. */
const CODE = /^[0-9a-f]{48}$/;

/** Stands in for a missing id or token, so that the comparison takes the same time. */
const NO_CODE = "0".repeat(48);

/**
 * Identifies the caller. Compares every token of the project in constant time, so that neither the response nor its
 * timing reveals whether a project exists or how much of a token is correct.
 *
 * @param token as received
 * @param kinds the kinds of token that are accepted
 * @throws ServiceError `forbidden`, always the same, for an unknown project and a wrong token
 */
export async function authorize(
  database: Pick<Database, "findProject" | "listDataproviders">,
  projectId: string,
  token: string,
  kinds: readonly TokenKind[],
): Promise<Access> {
  // A malformed id would only cause a database error.
  const id = CODE.test(projectId) ? projectId : NO_CODE;
  const [project, parties] = await Promise.all([database.findProject(id), database.listDataproviders(id)]);
  const given = digest(token);
  let access: Access | undefined;
  const compare = (expected: string | undefined, kind: TokenKind, party: Dataprovider | undefined) => {
    const isEqual = timingSafeEqual(given, digest(expected ?? NO_CODE));
    if (isEqual && expected !== undefined && project !== undefined)
      access = { kind, project, parties, party };
  };
  compare(project?.resultToken, "result", undefined);
  for (const party of parties) {
    compare(party.updateToken, "update", party);
    compare(party.upload?.receiptToken, "receipt", party);
  }
  if (access === undefined || !kinds.includes(access.kind)) throw accessDenied();
  return access;
}

/** Like {@link authorize}, for a run of a project. */
export async function authorizeRun(
  database: Pick<Database, "findProject" | "listDataproviders" | "findRun">,
  projectId: string,
  runId: string,
  token: string,
  kinds: readonly TokenKind[],
): Promise<Access & { readonly run: NonNullable<Awaited<ReturnType<Database["findRun"]>>> }> {
  const access = await authorize(database, projectId, token, kinds);
  const run = CODE.test(runId) ? await database.findRun(projectId, runId) : undefined;
  if (run === undefined) throw accessDenied();
  return { ...access, run };
}

/**
 * Checks that the caller may read the project's results: with the result token, or, if the results are the parties'
 * permutations, with a receipt token.
 *
 * @throws ServiceError `forbidden`
 */
export function checkMayReadResults({ kind, project }: Access): void {
  const mayRead = kind === "result" || (kind === "receipt" && project.resultType === "permutations");
  if (!mayRead) throw accessDenied();
}

/** The single error for a wrong token and for a project or run that does not exist. */
export function accessDenied(): ServiceError {
  return new ServiceError("forbidden", "Access denied: unknown project or run, or wrong token.");
}

/** Has a fixed length, as the comparison in constant time requires. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
