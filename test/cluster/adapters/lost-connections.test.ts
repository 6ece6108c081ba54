// Connections that are cut at any point of the database's answers: each operation takes effect once, and its caller
// gets the result.
import test from "ava";
import pg from "pg";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../../../src/adapters/postgres/database.js";
import type { Database } from "../../../src/linkage/database.js";
import { addProject, addRun, blockName, randomId } from "../../contract/database/opened-database.js";
import { CuttingProxy } from "../../servers/cutting-proxy.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";

/** Answers are cut at every multiple of this number of bytes, which is within and between messages. */
const STEP = 7;

let server: PostgresServer;
let admin: pg.Pool;
let direct: Database;

test.before(async () => {
  server = await startPostgres();
  await server.createDatabase("entityservice");
  admin = new pg.Pool(server.connection("entityservice"));
  admin.on("error", () => {});
  direct = connect(server.port);
});

test.after.always(async () => {
  await direct?.close();
  await admin?.end();
  await server?.remove();
});

function connect(port: number): PostgresDatabase {
  const connection = { ...server.connection("entityservice"), port, minConnections: 0, maxConnections: 1 };
  return new PostgresDatabase(
    new ConnectionPool({ ...connection, retry: { firstDelayMs: 1, maxRetryTimeMs: 120_000 } }),
  );
}

/** Repeats an action, cutting its first connection a few bytes later each time, until it completes without a cut. */
async function cutEverywhere(action: (database: Database, cut: number) => Promise<void>): Promise<number> {
  const proxy = await CuttingProxy.start(server);
  try {
    for (let cut = STEP; ; cut += STEP) {
      proxy.cutCount = 0;
      proxy.cutAfter = cut;
      proxy.onCut = () => {
        proxy.cutAfter = Number.POSITIVE_INFINITY;
      };
      const database = connect(proxy.port);
      await action(database, cut);
      await database.close();
      if (proxy.cutCount === 0) return cut / STEP;
    }
  } finally {
    await proxy.stop();
  }
}

test("adds a project once", async (t) => {
  const cuts = await cutEverywhere(async (database, cut) => {
    const projectId = randomId();
    const tokens = [randomId(), randomId()];
    await database.addProject(
      {
        projectId,
        resultToken: randomId(),
        resultType: "groups",
        schema: {},
        name: "",
        notes: "",
        partyCount: 2,
        usesBlocking: false,
      },
      tokens,
    );
    const parties = await direct.listDataproviders(projectId);
    t.deepEqual(
      parties.map(({ updateToken }) => updateToken),
      tokens,
      `after ${cut} bytes`,
    );
  });
  t.true(cuts > 50);
});

test("reports success to the caller that begins an upload or starts a run", async (t) => {
  await cutEverywhere(async (database, cut) => {
    const { parties } = await addProject(direct);
    t.true(await database.beginUpload(parties[0]!.id, randomId(), undefined), `after ${cut} bytes`);
    const { rows } = await admin.query("SELECT 1 FROM uploads WHERE dp = $1", [parties[0]!.id]);
    t.is(rows.length, 1);
  });
  await cutEverywhere(async (database, cut) => {
    const { project } = await addProject(direct);
    const runId = await addRun(direct, project.projectId, "queued");
    t.true(await database.startRun(runId), `after ${cut} bytes`);
  });
  await cutEverywhere(async (database, cut) => {
    const { project } = await addProject(direct);
    const runId = await addRun(direct, project.projectId, "created");
    t.deepEqual(await database.queueRuns(project.projectId), [runId], `after ${cut} bytes`);
    t.is((await direct.findRun(project.projectId, runId))?.stage, 2);
  });
  await cutEverywhere(async (database, cut) => {
    const { project } = await addProject(direct);
    const runId = await addRun(direct, project.projectId);
    t.true(await database.progressStage(runId, 2), `after ${cut} bytes`);
    t.is((await direct.findRun(project.projectId, runId))?.stage, 3);
  });
});

test("does not duplicate blocks and results", async (t) => {
  await cutEverywhere(async (database, cut) => {
    const { project, parties } = await addProject(direct);
    const token = randomId();
    await direct.beginUpload(parties[0]!.id, token, undefined);
    const blocks = [blockName(), blockName()].map((name) => ({ name, recordCount: 1 }));
    const ids = await database.addBlocks(parties[0]!.id, token, blocks);
    const stored = await admin.query<{ id: number }>(
      "SELECT block_id AS id FROM blocks WHERE dp = $1 ORDER BY block_id",
      [parties[0]!.id],
    );
    t.deepEqual(
      stored.rows.map(({ id }) => id),
      ids,
      `after ${cut} bytes`,
    );
    const runId = await addRun(direct, project.projectId);
    await database.addGroups(runId, "[]");
    t.is((await admin.query("SELECT 1 FROM run_results WHERE run_id = $1", [runId])).rows.length, 1);
  });
});
