import { randomBytes } from "node:crypto";
import type { SqlConnection } from "../../../src/adapters/sql/sql-connection.js";
import type { Database } from "../../../src/linkage/database.js";
import type { Dataprovider, ProjectDescription } from "../../../src/linkage/project.js";

/** A database with the tables in it, and a way to look at those past it. Tests share it: each has projects of its own. */
export interface OpenedDatabase {
  readonly database: Database;
  readonly connection: SqlConnection;
}

/** An id or a token as the service makes them. */
export function randomId(): string {
  return randomBytes(24).toString("hex");
}

/** The name of a block, as it is stored. */
export function blockName(): string {
  return randomBytes(32).toString("hex");
}

/** What no project, run or upload is called. */
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

/** What no party is called. */
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

/** Stores the blocks of a party's upload, of those names and counts, as far as the database knows of them. */
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

/** A run of a project of its own, in that state. */
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

/** How many of the calls said that it was them. */
export async function countWins(calls: readonly Promise<boolean>[]): Promise<number> {
  return (await Promise.all(calls)).filter((won) => won).length;
}
