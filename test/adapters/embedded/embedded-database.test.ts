import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { EmbeddedDatabase } from "../../../src/adapters/embedded/embedded-database.js";
import { addProject, addRun, upload } from "../../contract/database/opened-database.js";
import { StartedProcess } from "../../started-process.js";

const NODE_OPTIONS = ["--expose-gc", "--import=tsx"];
const HOLDER = fileURLToPath(new URL("folder-holder.ts", import.meta.url));

function scratchFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "anonlink-data-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "made", "by itself");
}

/** Starts a process that opens the folder; returns what it printed. */
async function hold(t: ExecutionContext, folder: string) {
  const process_ = new StartedProcess("holder", process.execPath, [...NODE_OPTIONS, HOLDER, folder]);
  t.teardown(() => process_.killGroup());
  const [, state, rest] = await process_.whenPrinted(/^(opened|refused) (.*)$/m, 60_000);
  return { process: process_, state, rest };
}

const IN_USE = {
  code: "store-failed",
  message: /^The data folder .* is already in use by another service\.$/,
};

test.serial("a reopened database keeps its rows and states", async (t) => {
  const folder = scratchFolder(t);
  let database = await EmbeddedDatabase.open(folder);
  const { project, parties } = await addProject(database);
  await upload(database, parties[0]!.id, { a: 3 });
  const runId = await addRun(database, project.projectId);
  await database.close();
  database = await EmbeddedDatabase.open(folder);
  t.teardown(() => database.close());
  t.is((await database.listDataproviders(project.projectId))[0]?.state, "done");
  t.is(await database.runState(project.projectId, runId), "running");
  t.is((await addProject(database)).parties[0]?.id, parties[1]!.id + 1);
});

test.serial(
  "only one process at a time can open the folder, and a killed process releases it at once",
  async (t) => {
    const folder = scratchFolder(t);
    const first = await hold(t, folder);
    t.is(first.state, "opened");
    await t.throwsAsync(EmbeddedDatabase.open(folder), IN_USE);
    await t.throwsAsync(EmbeddedDatabase.open(join(folder, "..", "by itself")), IN_USE);
    const second = await hold(t, folder);
    t.is(second.state, "refused");
    t.regex(second.rest!, IN_USE.message);

    await first.process.killGroup();
    const database = await EmbeddedDatabase.open(folder);
    t.truthy(await database.findProject(first.rest!), "what the killed process has stored");
    await t.throwsAsync(EmbeddedDatabase.open(folder), IN_USE, "within one process, too");
    t.is((await hold(t, folder)).state, "refused");
    await database.close();
    await database.close();
    const reopened = await EmbeddedDatabase.open(folder);
    t.truthy(await reopened.findProject(first.rest!));
    await reopened.close();
  },
);

test.serial("only one of several processes that open a new folder concurrently succeeds", async (t) => {
  const folder = scratchFolder(t);
  const holders = await Promise.all(Array.from({ length: 3 }, () => hold(t, folder)));
  t.deepEqual(holders.map(({ state }) => state).sort(), ["opened", "refused", "refused"]);
});

test.serial("keeps stored data after repeated kills", async (t) => {
  const folder = scratchFolder(t);
  const projectIds: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { process: holder, state, rest } = await hold(t, folder);
    t.is(state, "opened");
    projectIds.push(rest!);
    await holder.killGroup();
  }
  const database = await EmbeddedDatabase.open(folder);
  t.teardown(() => database.close());
  t.deepEqual(
    (await database.listProjects()).map(({ projectId }) => projectId),
    projectIds,
  );
});

test.serial("a kill while the folder is being created does not prevent a later open", async (t) => {
  const folder = scratchFolder(t);
  for (const delayMs of [300, 900, 1500, 2500]) {
    const holder = new StartedProcess("holder", process.execPath, [...NODE_OPTIONS, HOLDER, folder]);
    await sleep(delayMs);
    await holder.killGroup();
  }
  const database = await EmbeddedDatabase.open(folder);
  t.teardown(() => database.close());
  await database.check();
  t.deepEqual(readdirSync(folder).sort(), ["database", "lock"]);
});

test.serial("only the owner can access the folder, which holds the database and the lock", async (t) => {
  const folder = scratchFolder(t);
  const database = await EmbeddedDatabase.open(folder);
  t.teardown(() => database.close());
  t.deepEqual(readdirSync(folder).sort(), ["database", "lock"]);
  t.is(statSync(folder).mode & 0o077, 0);
});

test.serial("rejects a path that cannot be used as a folder", async (t) => {
  const folder = scratchFolder(t);
  const file = join(folder, "..", "..", "a file");
  writeFileSync(file, "");
  await t.throwsAsync(EmbeddedDatabase.open(file), { code: "EEXIST" });
  await t.throwsAsync(EmbeddedDatabase.open(join(file, "x")), { code: "ENOTDIR" });
});

test.serial("in-memory databases are isolated from each other", async (t) => {
  const [one, other] = await Promise.all([EmbeddedDatabase.inMemory(), EmbeddedDatabase.inMemory()]);
  await addProject(one);
  t.is(await one.countProjects(), 1);
  t.is(await other.countProjects(), 0);
  await one.close();
  await other.close();
});
