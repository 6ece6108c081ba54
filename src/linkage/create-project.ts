import type { Database } from "./database.js";
import { ServiceError } from "./errors.js";
import type { ProjectDescription, ResultType } from "./project.js";
import { randomCode } from "./random-code.js";
import { checkStorable } from "./storable.js";

/** A client's request for a project. */
export interface NewProject {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly resultType: ResultType;
  /** Default: 2. */
  readonly partyCount?: number;
  /** Default: empty. */
  readonly name?: string;
  readonly notes?: string;
  /** Default: `false`. */
  readonly usesBlocking?: boolean;
}

/** A project that was added, with the update tokens that its owner hands out to the parties. */
export interface CreatedProject extends ProjectDescription {
  /** One for each party, by index. */
  readonly updateTokens: readonly string[];
}

/**
 * Adds a project.
 *
 * @param maxParties maximum number of parties in a project
 * @throws ServiceError `invalid-request`
 */
export async function createProject(
  database: Pick<Database, "addProject">,
  request: NewProject,
  maxParties: number,
): Promise<CreatedProject> {
  const { schema, resultType, partyCount = 2, name = "", notes = "", usesBlocking = false } = request;
  if (!Number.isSafeInteger(partyCount) || partyCount < 2 || partyCount > maxParties) {
    throw invalid("number_parties", `a whole number from 2 to ${maxParties}`, String(partyCount));
  }
  if (partyCount > 2 && resultType !== "groups") {
    throw invalid("result_type", `groups for ${partyCount} parties`, resultType);
  }
  checkStorable("name", name);
  checkStorable("notes", notes);
  checkStorable("schema", schema);
  const project = {
    projectId: randomCode(),
    resultToken: randomCode(),
    resultType,
    schema,
    name,
    notes,
    partyCount,
    usesBlocking,
  };
  const updateTokens = Array.from({ length: partyCount }, randomCode);
  await database.addProject(project, updateTokens);
  return { ...project, updateTokens };
}

function invalid(subject: string, expected: string, received: string): ServiceError {
  const message = `${subject} must be ${expected}, not ${received}.`;
  return new ServiceError("invalid-request", message, { subject, expected, received });
}
