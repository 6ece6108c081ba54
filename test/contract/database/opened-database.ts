import { randomBytes } from "node:crypto";
import type { SqlConnection } from "../../../src/adapters/sql/sql-connection.js";
import type { Database } from "../../../src/linkage/database.js";
import type { Dataprovider, ProjectDescription } from "../../../src/linkage/project.js";

/** A migrated database, and direct access to its tables. Tests share it, each with its own projects. */
export interface OpenedDatabase {
  readonly database: Database;
  readonly connection: SqlConnection;
}

/** An id or a token in the service's format. */
export function randomId(): string {
  return randomBytes(24).toString("hex");
}

/** A block name in its stored form. */
export function blockName(): string {
  return randomBytes(32).toString("hex");
}

/** Ids that no project, run or upload has. */
export const STRANGE_IDS = [
  "",
  "0".repeat(48),
  "not hexadecimal",
  "f".repeat(49),
  "f".repeat(5000),
  "' OR '1' = '1",
  "'; DROP TABLE runs; --",
  `${"0".repeat(47)}\0`,
  "\0",
  "😀".repeat(12),
  "%",
  "NULL",
] as const;

/** Ids that no party has. */
export const STRANGE_NUMBERS = [
  0,
  -1,
  1.5,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

export async function addProject(
  database: Database,
  changes: Partial<ProjectDescription> = {},
): Promise<{ project: ProjectDescription; parties: readonly Dataprovider[] }> {
  const project: ProjectDescription = {
    projectId: randomId(),
    resultToken: randomId(),
    resultType: "groups",
    schema: {},
    name: "",
    notes: "",
    partyCount: 2,
    usesBlocking: false,
    ...changes,
  };
  await database.addProject(project, Array.from({ length: project.partyCount }, randomId));
  return { project, parties: await database.listDataproviders(project.projectId) };
}

/** Stores the database's part of an upload: blocks with the given names and counts. */
export async function upload(
  database: Database,
  dataproviderId: number,
  blocks: Readonly<Record<string, number>> = {},
): Promise<{ receiptToken: string; blockIds: readonly number[] }> {
  const receiptToken = randomId();
  if (!(await database.beginUpload(dataproviderId, receiptToken, undefined))) throw new Error("no turn");
  const entries = Object.entries(blocks).map(([name, recordCount]) => ({ name, recordCount }));
  const blockIds = await database.addBlocks(dataproviderId, receiptToken, entries);
  const recordCount = entries.reduce((sum, { recordCount: count }) => sum + count, 0);
  const summary = { recordCount, blockCount: entries.length, encodingSize: 8 };
  if (!(await database.finishUpload(dataproviderId, receiptToken, summary, "ready")))
    throw new Error("no end");
  return { receiptToken, blockIds };
}

/** Adds a run of the project, in the given state. */
export async function addRun(
  database: Database,
  projectId: string,
  state: "created" | "queued" | "running" = "running",
): Promise<string> {
  const runId = randomId();
  await database.addRun({ runId, projectId, threshold: 0.8, name: "", notes: "" });
  if (state !== "created") await database.queueRuns(projectId);
  if (state === "running") await database.startRun(runId);
  return runId;
}

/** The number of calls that returned `true`. */
export async function countWins(calls: readonly Promise<boolean>[]): Promise<number> {
  return (await Promise.all(calls)).filter((won) => won).length;
}
