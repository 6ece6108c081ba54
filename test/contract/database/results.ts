import type { TestFn } from "ava";
import type { GroupMember } from "../../../src/linkage/database.js";
import { addProject, addRun, type OpenedDatabase, randomId } from "./opened-database.js";

type Group = readonly GroupMember[];

export function testResults(test: TestFn, opened: () => OpenedDatabase): void {
  test("stores similarity scores once", async (t) => {
    const { database, connection } = opened();
    const { project } = await addProject(database, { resultType: "similarity_scores" });
    const runId = await addRun(database, project.projectId);
    t.is(await database.findSimilarityScores(runId), undefined);
    const file = `similarity-scores/${"ab".repeat(24)}.bin`;
    t.is(file.length, 70, "as long as the column is wide");
    await Promise.all(Array.from({ length: 6 }, () => database.addSimilarityScores(runId, file)));
    await database.addSimilarityScores(runId, "another");
    t.is(await database.findSimilarityScores(runId), file);
    t.is((await connection.query("SELECT 1 FROM similarity_scores WHERE run = $1", [runId])).length, 1);
    const short = await addRun(database, project.projectId);
    await database.addSimilarityScores(short, "short.bin");
    t.is(await database.findSimilarityScores(short), "short.bin");
  });

  test("stores groups unchanged, and only once", async (t) => {
    const { database, connection } = opened();
    const { project } = await addProject(database);
    const groups: Group[] = [
      [
        [0, 0],
        [1, 4_294_967_295],
      ],
      [
        [0, 1],
        [1, 0],
        [2, 7],
      ],
    ];
    for (const stored of [groups, []]) {
      const runId = await addRun(database, project.projectId);
      t.is(await database.findGroups(runId), undefined);
      await Promise.all(Array.from({ length: 4 }, () => database.addGroups(runId, JSON.stringify(stored))));
      await database.addGroups(runId, "[[[0,9],[1,9]]]");
      t.deepEqual(JSON.parse((await database.findGroups(runId))!), stored);
      t.is((await connection.query("SELECT 1 FROM run_results WHERE run_id = $1", [runId])).length, 1);
    }
  });

  test("stores many groups", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const runId = await addRun(database, project.projectId);
    const groups = Array.from(
      { length: 200_000 },
      (_, row): Group => [
        [0, row],
        [1, 200_000 - row],
      ],
    );
    await database.addGroups(runId, JSON.stringify(groups));
    const found = JSON.parse((await database.findGroups(runId))!) as Group[];
    t.is(found.length, 200_000);
    t.true(found.every(([a, b], row) => a![1] === row && b![0] === 1 && b![1] === 200_000 - row));
  });

  test("stores permutations and the mask together, and only once", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database, { resultType: "permutations" });
    const { projectId } = project;
    const runId = await addRun(database, projectId);
    const [left, right] = parties.map(({ id }) => id) as [number, number];
    t.is(await database.findMask(runId), undefined);
    t.is(await database.findPermutation(runId, left), undefined);
    const store = (mask: string) =>
      database.addPermutations(
        projectId,
        runId,
        [
          { dataproviderId: left, permutation: "[2,0,1]" },
          { dataproviderId: right, permutation: "[1,0]" },
        ],
        mask,
      );
    await Promise.all([store("[1,0]"), store("[1,0]"), store("[1,0]")]);
    await store("[0,0]");
    t.deepEqual(JSON.parse((await database.findPermutation(runId, left))!), [2, 0, 1]);
    t.deepEqual(JSON.parse((await database.findPermutation(runId, right))!), [1, 0]);
    t.deepEqual(JSON.parse((await database.findMask(runId))!), [1, 0]);
    t.is((await connection.query("SELECT 1 FROM permutations WHERE run = $1", [runId])).length, 2);
    t.is((await connection.query("SELECT 1 FROM permutation_masks WHERE run = $1", [runId])).length, 1);
  });

  test("stores no permutations if one of them cannot be stored", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database, { resultType: "permutations" });
    const runId = await addRun(database, project.projectId);
    const permutations = [parties[0]!.id, 2 ** 31 - 1].map((id) => ({
      dataproviderId: id,
      permutation: "[0]",
    }));
    await t.throwsAsync(database.addPermutations(project.projectId, runId, permutations, "[1]"));
    t.deepEqual(await connection.query("SELECT 1 FROM permutations WHERE run = $1", [runId]), []);
    t.is(await database.findMask(runId), undefined);
  });

  test("stores no results for a deleted run", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const runId = await addRun(database, project.projectId);
    await database.removeRun(project.projectId, runId);
    for (const gone of [runId, randomId()]) {
      await database.addSimilarityScores(gone, "x.bin");
      await database.addGroups(gone, "[]");
      const permutations = [{ dataproviderId: parties[0]!.id, permutation: "[0]" }];
      await database.addPermutations(project.projectId, gone, permutations, "[1]");
      t.is(await database.findSimilarityScores(gone), undefined);
      t.is(await database.findGroups(gone), undefined);
      t.is(await database.findMask(gone), undefined);
    }
  });
}
