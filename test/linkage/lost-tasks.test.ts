import test from "ava";
import { LostTasks } from "../../src/linkage/lost-tasks.js";
import type { Run } from "../../src/linkage/run.js";
import { TASK_NAMES } from "../../src/linkage/task-calls.js";

const PROJECT = "a".repeat(48);
const RUN = "b".repeat(48);

const run = (state: Run["state"], stage = 2) =>
  ({ runId: RUN, projectId: PROJECT, state, stage, threshold: 0.8, name: "", notes: "" }) as Run;

/** Stores with the given unfinished runs and deleted projects. */
function setUp(runs: readonly Run[], deleted: readonly string[] = []) {
  const world = {
    runs,
    deleted,
    busy: new Set<string>(),
    comparisons: 0,
    areUploadsReady: true,
    looks: 0,
    sent: [] as { name: string; followers: readonly string[] }[],
    activated: [] as string[],
  };
  const party = () => ({
    state: world.areUploadsReady ? "done" : "in_progress",
    upload: { state: world.areUploadsReady ? "ready" : "pending" },
  });
  const lostTasks = new LostTasks({
    database: {
      listUnfinishedRuns: async () => world.runs,
      listDeletedProjects: async () => [...world.deleted],
      listDataproviders: async () => [party(), party()] as never,
    },
    cache: {
      progressOf: async () => ({ comparisons: world.comparisons, candidates: 0 }),
      runState: async () => undefined,
      setRunState: async (runId) => void world.activated.push(runId),
    },
    tasks: {
      async findBusy(owners) {
        if (owners.size > 0) world.looks++;
        return new Set([...owners].filter((id) => world.busy.has(id)));
      },
      async sendAgain({ name }, followers) {
        world.sent.push({ name, followers });
        return true;
      },
    },
  });
  return { world, look: () => lostTasks.look() };
}

for (const [what, runs, deleted, name] of [
  ["a queued run", [run("queued")], [], TASK_NAMES.prerunCheck],
  ["a running run", [run("running")], [], TASK_NAMES.createComparisonJobs],
  ["a created run", [run("created", 1)], [], TASK_NAMES.checkForExecutableRuns],
  ["a deleted project", [], [PROJECT], TASK_NAMES.removeProject],
] as const) {
  test(`${what} without a task gets one at the third check`, async (t) => {
    const { world, look } = setUp(runs, deleted);
    t.deepEqual([await look(), await look(), await look()], [[], [], [name]]);
    t.is(world.sent.length, 1);
    t.is(world.activated.length, name === TASK_NAMES.createComparisonJobs ? 1 : 0);
    t.is(
      world.sent[0]!.followers.length > 0,
      name !== TASK_NAMES.checkForExecutableRuns && deleted.length === 0,
    );
  });
}

test("a run that makes progress does not get another task", async (t) => {
  const { world, look } = setUp([run("running")]);
  for (let n = 0; n < 10; n++) {
    world.comparisons += n % 2; // progress in every second look
    await look();
  }
  t.deepEqual(world.sent, []);
});

test("a run whose task is waiting or running is checked less and less often", async (t) => {
  const { world, look } = setUp([run("running")]);
  world.busy.add(RUN);
  for (let n = 0; n < 100; n++) await look();
  t.deepEqual(world.sent, []);
  t.true(world.looks < 10);
  world.busy.clear();
  for (let n = 0; n < 40 && world.sent.length === 0; n++) await look();
  t.is(world.sent.length, 1);
});

test("a run whose task was seen between checks is not lost", async (t) => {
  const { world, look } = setUp([run("running")]);
  await look();
  await look(); // idle once
  world.busy.add(RUN);
  await look();
  world.busy.clear();
  await look(); // skips the run
  await look(); // idle once again
  t.deepEqual(world.sent, []);
});

test("a run with incomplete uploads waits for them", async (t) => {
  const { world, look } = setUp([run("created", 1)]);
  world.areUploadsReady = false;
  for (let n = 0; n < 5; n++) await look();
  t.deepEqual(world.sent, []);
  world.areUploadsReady = true;
  for (let n = 0; n < 3; n++) await look();
  t.is(world.sent.length, 1);
});
