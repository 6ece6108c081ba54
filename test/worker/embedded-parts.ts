// The service's stores and queue in one process, with an in-memory database and files in a test's own folder.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileObjectStore } from "../../src/adapters/embedded/file-object-store.js";
import { InProcessQueue } from "../../src/adapters/embedded/in-process-queue.js";
import { MemoryRunCache } from "../../src/adapters/embedded/memory-run-cache.js";
import { PgliteConnection } from "../../src/adapters/embedded/pglite-connection.js";
import { migrate } from "../../src/adapters/sql/migrations/migrate.js";
import { SqlDatabase } from "../../src/adapters/sql/sql-database.js";
import { indexBlocks } from "../../src/core/blocks.js";
import { parseCandidateFile } from "../../src/core/candidate-file.js";
import type { CandidatePairs } from "../../src/core/candidate-pairs.js";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import { findCandidatePairs } from "../../src/library/node.js";
import type { BlockMembers } from "../../src/linkage/encoding-store.js";
import type { ObjectStore } from "../../src/linkage/object-store.js";
import { PackedEncodingStore } from "../../src/linkage/packed-encodings/packed-encoding-store.js";
import type { ResultType } from "../../src/linkage/project.js";
import { checkForExecutableRuns } from "../../src/linkage/task-calls.js";
import type { TaskDefinition } from "../../src/linkage/task-queue.js";
import { type ServiceTaskOptions, serviceTasks } from "../../src/worker/service-tasks.js";
import { randomClks, seededRandom } from "../random-clks.js";

export interface Party {
  readonly dataset: ClkDataset;
  /** The block names of each record; default: all records are in one block. */
  readonly blocks?: readonly (readonly string[])[];
}

export interface StoredProject {
  readonly projectId: string;
  readonly resultType: ResultType;
  readonly parties: readonly Party[];
  readonly receiptTokens: readonly string[];
}

export const OPTIONS: ServiceTaskOptions = {
  chunkSizeAim: 300_000_000,
  similarityScoresMaxCandidatePairs: 1_000_000,
  solverMaxCandidatePairs: 1_000_000,
  minEncodingSize: 1,
  maxEncodingSize: 1024,
  encodingCacheByteLength: 2 ** 20,
  runCheckMs: 10,
};

export type EmbeddedParts = Awaited<ReturnType<typeof openParts>>;

/** Shared by all tests in a file, as opening takes seconds on a busy machine. Tests that resume work are serial. */
let sharedConnection: Promise<PgliteConnection> | undefined;

async function connect(): Promise<PgliteConnection> {
  const connection = await PgliteConnection.open();
  await migrate(connection);
  return connection;
}

export async function openParts(onTeardown: (close: () => Promise<void>) => void) {
  const folder = mkdtempSync(join(tmpdir(), "embedded-"));
  sharedConnection ??= connect();
  const connection = await sharedConnection;
  const database = new SqlDatabase(connection);
  const objects = await FileObjectStore.open(folder);
  const encodings = new PackedEncodingStore(objects, database);
  const failures: string[] = [];
  const openQueue = () =>
    new InProcessQueue({
      retryDelayMs: 5,
      closeTimeoutMs: 5000,
      onFailure: ({ task, error }) => failures.push(`${task}: ${(error as Error).message}`),
    });
  const parts = {
    database,
    objects: objects as ObjectStore,
    encodings,
    cache: new MemoryRunCache(),
    tasks: openQueue(),
    failures,
  };
  onTeardown(async () => {
    await parts.tasks.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    ...parts,
    connection,
    folder,
    /** Simulates a killed and restarted process: queue and cache are empty. */
    forget() {
      this.tasks = parts.tasks = openQueue();
      this.cache = new MemoryRunCache();
    },
  };
}

/** Starts the queue with the service's tasks, which a test may change. */
export function startTasks(
  parts: EmbeddedParts,
  options: Partial<ServiceTaskOptions> = {},
  change: (definition: TaskDefinition) => TaskDefinition = (definition) => definition,
): void {
  parts.tasks.start(serviceTasks(parts, { ...OPTIONS, ...options }).map(change));
}

const randomId = () => randomBytes(24).toString("hex");

export async function addProject(
  { database }: EmbeddedParts,
  resultType: ResultType,
  parties: readonly Party[],
  schema = {},
): Promise<StoredProject> {
  const project = {
    projectId: randomId(),
    resultToken: randomId(),
    resultType,
    schema,
    name: "",
    notes: "",
    partyCount: parties.length,
    usesBlocking: parties.some(({ blocks }) => blocks !== undefined),
  };
  await database.addProject(
    project,
    parties.map(() => randomId()),
  );
  return { ...project, parties, receiptTokens: parties.map(() => randomId()) };
}

/** Stores a party's encodings like an upload. */
export async function upload(parts: EmbeddedParts, project: StoredProject, index: number): Promise<void> {
  const { database, encodings } = parts;
  const { id } = (await database.listDataproviders(project.projectId))[index]!;
  const token = project.receiptTokens[index]!;
  const { dataset, blocks } = project.parties[index]!;
  const { byteLength, recordCount } = dataset;
  await database.beginUpload(id, token, encodings.fileOf(token));
  const writer = await encodings.begin(id, token, byteLength);
  await writer.write(dataset.bytes);
  const { blockCount } = await writer.commit(
    members(blocks ?? Array.from({ length: recordCount }, () => ["1"])),
  );
  await database.finishUpload(id, token, { recordCount, blockCount, encodingSize: byteLength }, "ready");
}

async function* members(blocks: readonly (readonly string[])[]): AsyncGenerator<BlockMembers> {
  const rowsOf = new Map<string, number[]>();
  for (const [row, names] of blocks.entries()) {
    for (const name of names) {
      if (!rowsOf.has(name)) rowsOf.set(name, []);
      rowsOf.get(name)!.push(row);
    }
  }
  const hashed = [...rowsOf].map(([name, rows]) => ({
    name: createHash("sha256").update(name).digest("hex"),
    recordCount: rows.length,
    rows: Uint32Array.from(rows),
  }));
  yield* hashed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Adds a project with all its uploads. */
export async function storeProject(
  parts: EmbeddedParts,
  resultType: ResultType,
  parties: readonly Party[],
): Promise<StoredProject> {
  const project = await addProject(parts, resultType, parties);
  for (const index of parties.keys()) await upload(parts, project, index);
  return project;
}

export async function addRun({ database }: EmbeddedParts, { projectId }: StoredProject, threshold = 0.8) {
  const runId = randomId();
  await database.addRun({ runId, projectId, threshold, name: "", notes: "" });
  return runId;
}

/** Adds a run and waits until its tasks are done. */
export async function doRun(parts: EmbeddedParts, project: StoredProject, threshold = 0.8): Promise<string> {
  const runId = await addRun(parts, project, threshold);
  await parts.tasks.send(checkForExecutableRuns(project.projectId));
  await parts.tasks.idle();
  return runId;
}

/** The pairs that a run has stored. */
export async function pairsOf({ database, objects }: EmbeddedParts, runId: string): Promise<CandidatePairs> {
  const file = await database.findSimilarityScores(runId);
  const bytes: Uint8Array[] = [];
  for await (const chunk of objects.get(file!)) bytes.push(chunk);
  return parseCandidateFile(new Uint8Array(Buffer.concat(bytes)));
}

/** The candidate pairs that the library finds directly. */
export async function expectedPairs(parties: readonly Party[], threshold = 0.8): Promise<CandidatePairs> {
  const inputs = parties.map(({ dataset, blocks }) =>
    blocks === undefined ? { dataset } : { dataset, blocks: indexBlocks(blocks) },
  );
  return (await findCandidatePairs(inputs, { threshold })).pairs;
}

/** Parties of random records, half of which are noisy copies of common ones; optionally with overlapping blocks. */
export function randomParties(seed: number, count: number, recordCount: number, usesBlocks = false): Party[] {
  const random = seededRandom(seed);
  const base = randomClks(random, { recordCount: Math.ceil(recordCount / 2), byteLength: 16 });
  const someBlock = () => `b${Math.floor(random() ** 2 * 12)}`;
  return Array.from({ length: count }, (_, n) => {
    const rows = recordCount + 10 * n;
    const dataset = randomClks(random, { recordCount: rows, byteLength: 16, base, noise: 0.02 });
    if (!usesBlocks) return { dataset };
    const blocks = Array.from({ length: rows }, () => [...new Set([someBlock(), someBlock()])]);
    return { dataset, blocks };
  });
}
