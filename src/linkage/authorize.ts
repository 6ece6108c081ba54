import { createHash, timingSafeEqual } from "node:crypto";
import type { Database } from "./database.js";
import { ServiceError } from "./errors.js";
import type { Dataprovider, Project } from "./project.js";

/** `update`: a party's, to upload once. `receipt`: a party's, from its upload on. `result`: the project's owner's. */
export type TokenKind = "update" | "receipt" | "result";

/** Who calls, and what the call is about. */
export interface Access {
  readonly kind: TokenKind;
  readonly project: Project;
  /** All parties, by index. */
  readonly parties: readonly Dataprovider[];
  /** The party whose token it is; `undefined` for the result token. */
  readonly party: Dataprovider | undefined;
}

/** Ids and tokens as the service makes them: 24 random bytes in hexadecimal. */
const CODE = /^[0-9a-f]{48}$/;

/** What stands in for an id or a token that there is not, so that comparing takes as long. */
const NOBODY = "0".repeat(48);

/**
 * Finds out who calls. Every token of the project is compared, in constant time each, so that neither the answer nor its
 * time tells whether a project exists or how much of a token is right.
 *
 * @param token as it came
 * @param kinds those that may call
 * @throws ServiceError `forbidden`, always the same, for an unknown project and a wrong token
 */
export async function authorize(
  database: Pick<Database, "findProject" | "listDataproviders">,
  projectId: string,
  token: string,
  kinds: readonly TokenKind[],
): Promise<Access> {
  // What is no id would only make the database complain.
  const id = CODE.test(projectId) ? projectId : NOBODY;
  const [project, parties] = await Promise.all([database.findProject(id), database.listDataproviders(id)]);
  const given = digest(token);
  let access: Access | undefined;
  const compare = (expected: string | undefined, kind: TokenKind, party: Dataprovider | undefined) => {
    const isEqual = timingSafeEqual(given, digest(expected ?? NOBODY));
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

/** As {@link authorize}, for a project's run. */
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
 * Makes sure that a caller may read what the project finds: with the result token, or, where that is each party's
 * permutation, with a receipt token.
 *
 * @throws ServiceError `forbidden`
 */
export function checkMayReadResults({ kind, project }: Access): void {
  const mayRead = kind === "result" || (kind === "receipt" && project.resultType === "permutations");
  if (!mayRead) throw accessDenied();
}

/** The one refusal of all who lack the right token, and of all projects and runs that do not exist. */
export function accessDenied(): ServiceError {
  return new ServiceError("forbidden", "token", "one that this project gave for this call", "another one");
}

/** Of one length whatever the text's, as comparing in constant time needs it. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
