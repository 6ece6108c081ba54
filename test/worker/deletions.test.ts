// Runs and projects that are deleted during their work: the work stops, and nothing is left of them.
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import test, { type ExecutionContext } from "ava";
import { candidateFileName, candidateFilePrefix } from "../../src/linkage/candidate-file-names.js";
import { deleteProject } from "../../src/linkage/delete-project.js";
import { deleteRun } from "../../src/linkage/delete-run.js";
import { checkForExecutableRuns, TASK_NAMES } from "../../src/linkage/task-calls.js";
import type { TaskDefinition } from "../../src/linkage/task-queue.js";
import { MemoryBudget } from "../../src/linkage/uploads/memory-budget.js";
import { receiveBinaryUpload } from "../../src/linkage/uploads/receive-binary-upload.js";
import { receiveJsonUpload } from "../../src/linkage/uploads/receive-json-upload.js";
import type { UploadOptions } from "../../src/linkage/uploads/upload-stores.js";
import type { ServiceTaskOptions } from "../../src/worker/service-tasks.js";
import {
  addProject,
  addRun,
  type EmbeddedParts,
  openParts,
  type Party,
  randomParties,
  type StoredProject,
  startTasks,
  storeProject,
} from "./embedded-parts.js";
import { solvingMany } from "./many-pairs.js";

const TABLES = [
  ["projects", "project_id"],
  ["dataproviders", "project"],
  ["uploads", "dp"],
  ["blocks", "dp"],
  ["encodings", "dp"],
  ["encodingblocks", "dp"],
  ["runs", "run_id"],
  ["run_results", "run_id"],
  ["similarity_scores", "run"],
  ["permutations", "run"],
  ["permutation_masks", "run"],
];

/** All rows of all tables by the id of their owner, and all files. */
async function everything({ connection, folder }: EmbeddedParts): Promise<string[]> {
  const found = readdirSync(folder).map((name) => `file ${name}`);
  for (const [table, column] of TABLES) {
    const rows = await connection.query<{ id: string }>(`SELECT ${column}::text AS id FROM ${table}`);
    for (const { id } of rows) found.push(`${table} ${id}`);
  }
  return found;
}

interface Gate {
  /** Resolves when the work has reached the point of the deletion. */
  readonly reached: Promise<void>;
  reach(): void;
  /** Resolves after the deletion. */
  readonly opened: Promise<void>;
  open(): void;
}

function makeGate(): Gate {
  let reach = () => {};
  let open = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { reached, reach: () => reach(), opened, open: () => open() };
}

interface Case {
  readonly name: string;
  readonly parties: readonly Party[];
  readonly options: Partial<ServiceTaskOptions>;
  readonly resultType: "groups" | "permutations" | "similarity_scores";
  /** Makes the work reach the gate at the point of the deletion. */
  arrange(parts: EmbeddedParts, gate: Gate): ((definition: TaskDefinition) => TaskDefinition) | undefined;
  /** A task that the run must not reach. */
  readonly never: string;
}

const small = randomParties(40, 2, 60, true);

/** Blocks the writing of a run's n-th file before it ends. */
function holdFile(n: number): Case["arrange"] {
  return (parts, gate) => {
    const { objects } = parts;
    let count = 0;
    const hold = async function* (content: AsyncIterable<Uint8Array>) {
      yield* content;
      gate.reach();
      await gate.opened;
    };
    parts.objects = Object.assign(Object.create(objects) as typeof objects, {
      get: objects.get.bind(objects),
      list: objects.list.bind(objects),
      remove: objects.remove.bind(objects),
      byteLengthOf: objects.byteLengthOf.bind(objects),
      put: objects.put.bind(objects),
      putStream: ((name, content, signal) =>
        objects.putStream(name, ++count === n ? hold(content) : content, signal)) as typeof objects.putStream,
    });
    return undefined;
  };
}

/** Blocks a task before it starts. */
function holdTask(taskName: string): Case["arrange"] {
  return (_parts, gate) => (definition) => ({
    ...definition,
    async run(parameters, context) {
      if (definition.name === taskName) {
        gate.reach();
        await gate.opened;
      }
      return definition.run(parameters, context);
    },
  });
}

const CASES: readonly Case[] = [
  {
    name: "comparing many chunks",
    parties: small,
    options: { chunkSizeAim: 20 },
    resultType: "groups",
    arrange: (parts, gate) => {
      const { cache } = parts;
      const count = cache.countProgress.bind(cache);
      cache.countProgress = async (...args) => {
        const total = await count(...args);
        gate.reach();
        return total;
      };
      return undefined;
    },
    never: TASK_NAMES.aggregateComparisons,
  },
  {
    name: "comparing one large chunk",
    parties: randomParties(42, 2, 20_000),
    options: {},
    resultType: "groups",
    arrange: (_parts, gate) => (definition) => ({
      ...definition,
      run(parameters, context) {
        if (definition.name === TASK_NAMES.computeFilterSimilarity) setTimeout(() => gate.reach(), 50);
        return definition.run(parameters, context);
      },
    }),
    never: TASK_NAMES.aggregateComparisons,
  },
  {
    name: "storing a chunk's pairs",
    parties: small,
    options: {},
    resultType: "groups",
    arrange: (parts, gate) => {
      const { objects } = parts;
      const put = objects.put.bind(objects);
      objects.put = async (...args) => {
        gate.reach();
        await gate.opened;
        return put(...args);
      };
      return undefined;
    },
    never: TASK_NAMES.solverTask,
  },
  {
    name: "merging",
    parties: small,
    options: { chunkSizeAim: 200 },
    resultType: "similarity_scores",
    arrange: holdFile(1),
    never: TASK_NAMES.markRunComplete,
  },
  {
    name: "merging in rounds",
    parties: small,
    options: { chunkSizeAim: 20, maxSources: 2 },
    resultType: "groups",
    arrange: holdFile(3),
    never: TASK_NAMES.solverTask,
  },
  {
    name: "solving",
    parties: randomParties(43, 3, 20),
    options: { solverMaxCandidatePairs: 1e7 },
    resultType: "groups",
    arrange: (parts, gate) => solvingMany(parts, 1_500_000, () => setTimeout(() => gate.reach(), 100)),
    never: TASK_NAMES.saveAndPermute,
  },
  ...[
    [TASK_NAMES.createComparisonJobs, TASK_NAMES.computeFilterSimilarity],
    [TASK_NAMES.aggregateComparisons, TASK_NAMES.solverTask],
    [TASK_NAMES.solverTask, TASK_NAMES.saveAndPermute],
    [TASK_NAMES.saveAndPermute, TASK_NAMES.permuteMappingData],
    [TASK_NAMES.permuteMappingData, TASK_NAMES.markRunComplete],
  ].map(
    ([task, never]): Case => ({
      name: `starting ${task!.split(".").at(-1)}`,
      parties: small,
      options: { chunkSizeAim: 500 },
      resultType: "permutations",
      arrange: holdTask(task!),
      never: never!,
    }),
  ),
];

for (const { name, parties, options, resultType, arrange, never } of CASES) {
  for (const what of ["run", "project"] as const) {
    test.serial(`deleting a ${what} while ${name} leaves none of its data`, async (t) => {
      const parts = await openParts((close) => t.teardown(close));
      const project = await storeProject(parts, resultType, parties);
      const uploads = await everything(parts);
      const gate = makeGate();
      const change = arrange(parts, gate);
      startTasks(parts, options, (definition) => {
        const changed = change?.(definition) ?? definition;
        return {
          ...changed,
          run(parameters, context) {
            if (definition.name === never) t.fail("the run went on");
            return changed.run(parameters, context);
          },
        };
      });
      const runId = await addRun(parts, project);
      await parts.tasks.send(checkForExecutableRuns(project.projectId));
      await gate.reached;
      if (what === "run") t.true(await deleteRun(parts, project.projectId, runId));
      else await deleteProject(parts, project.projectId);
      gate.open();
      await parts.tasks.idle();

      if (what === "run") {
        t.deepEqual((await everything(parts)).sort(), uploads.sort(), "the uploads stay");
        for await (const file of parts.objects.list(candidateFilePrefix(runId))) t.fail(file);
        await deleteProject(parts, project.projectId);
        await parts.tasks.idle();
      }
      t.deepEqual(await everything(parts), []);
      t.is(await parts.cache.runState(runId), undefined);
      t.is(await parts.cache.progressOf(runId), undefined);
      t.is(await parts.tasks.depth(), 0);
      t.deepEqual(parts.failures, []);
    });
  }
}

test.serial("removes a file that is stored while its run is being deleted", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", small);
  const runId = await addRun(parts, project);
  const { database, objects } = parts;
  const removeRun = database.removeRun.bind(database);
  database.removeRun = async (...args) => {
    await objects.put(candidateFileName(runId, "late"), async function* () {}, 0);
    return removeRun(...args);
  };
  t.true(await deleteRun(parts, project.projectId, runId));
  for await (const file of objects.list(candidateFilePrefix(runId))) t.fail(file);
  await deleteProject(parts, project.projectId);
  await parts.tasks.idle();
  t.deepEqual(await everything(parts), []);
});

const UPLOADS: UploadOptions = {
  limits: {
    maxRecords: 1e6,
    maxBlocksPerRow: 10,
    maxBlockNameLength: 100,
    minEncodingSize: 1,
    maxEncodingSize: 1024,
  },
  sorting: { folder: tmpdir(), memory: new MemoryBudget(2 ** 23) },
};

/** Deletes the project during the first party's upload, which must then be refused. */
async function deleteDuringUpload(
  t: ExecutionContext,
  send: (parts: EmbeddedParts, project: StoredProject, gate: Gate) => Promise<unknown>,
  arrange: (parts: EmbeddedParts, gate: Gate) => void = () => {},
): Promise<void> {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await addProject(parts, "groups", small);
  await addRun(parts, project);
  const gate = makeGate();
  arrange(parts, gate);
  const sent = t.throwsAsync(send(parts, project, gate), { code: "forbidden" });
  await gate.reached;
  await deleteProject(parts, project.projectId);
  await parts.tasks.idle();
  gate.open();
  await sent;
  await parts.tasks.idle();
  t.deepEqual(await everything(parts), []);
  t.deepEqual(parts.failures, []);
}

async function binaryRequest({ database }: EmbeddedParts, { projectId }: StoredProject, rows: number) {
  const [party] = await database.listDataproviders(projectId);
  return {
    projectId,
    updateToken: party!.updateToken,
    hashCount: String(rows),
    hashSize: "16",
    stateWhenRefused: "error" as const,
  };
}

test.serial("deleting a project during a binary upload leaves nothing", (t) =>
  deleteDuringUpload(t, async (parts, project, gate) => {
    async function* body() {
      for (let n = 0; n < 20; n++) {
        yield Buffer.alloc(16 * 1000, n);
        if (n !== 10) continue;
        gate.reach();
        await gate.opened;
      }
    }
    // Without blocking, although the other parties have blocks.
    await parts.connection.query("UPDATE projects SET uses_blocking = false WHERE project_id = $1", [
      project.projectId,
    ]);
    return receiveBinaryUpload(parts, UPLOADS, await binaryRequest(parts, project, 20_000), body());
  }),
);

test.serial("deleting a project during a JSON upload with blocks leaves nothing", (t) =>
  deleteDuringUpload(t, async (parts, project, gate) => {
    const clk = Buffer.alloc(16, 1).toString("base64");
    async function* body() {
      yield Buffer.from('{"clknblocks":[');
      for (let n = 0; n < 1000; n++) {
        yield Buffer.from(`${n === 0 ? "" : ","}["${clk}","a","${n % 7}"]`);
        if (n !== 500) continue;
        gate.reach();
        await gate.opened;
      }
      yield Buffer.from("]}");
    }
    const { projectId, updateToken } = await binaryRequest(parts, project, 0);
    return receiveJsonUpload(parts, UPLOADS, { projectId, updateToken }, body());
  }),
);

for (const method of ["addBlocks", "finishUpload"] as const) {
  test.serial(`deleting a project before ${method} of an upload leaves nothing`, (t) =>
    deleteDuringUpload(
      t,
      async (parts, project) => {
        const clk = Buffer.alloc(16, 1).toString("base64");
        const body = [Buffer.from(`{"clknblocks":[["${clk}","a"],["${clk}","b"]]}`)];
        const { projectId, updateToken } = await binaryRequest(parts, project, 0);
        return receiveJsonUpload(
          parts,
          UPLOADS,
          { projectId, updateToken },
          (async function* () {
            yield* body;
          })(),
        );
      },
      ({ database }, gate) => {
        const act = database[method].bind(database) as (...args: unknown[]) => Promise<never>;
        Object.assign(database, {
          async [method](...args: unknown[]) {
            gate.reach();
            await gate.opened;
            return act(...args);
          },
        });
      },
    ),
  );
}
