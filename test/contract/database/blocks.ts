import type { TestFn } from "ava";
import type { CommonBlock, Database } from "../../../src/linkage/database.js";
import { hashBlockName } from "../../../src/linkage/uploads/block-name-hash.js";
import { addProject, blockName, type OpenedDatabase, randomId, upload } from "./opened-database.js";

async function listAll(database: Database, left: number, right: number): Promise<CommonBlock[]> {
  const blocks: CommonBlock[] = [];
  for await (const block of database.listCommonBlocks(left, right)) blocks.push(block);
  return blocks;
}

/** Names with the counts 1, 2, 3 … */
function counted(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, n) => [name, n + 1]));
}

export function testBlocks(test: TestFn, opened: () => OpenedDatabase): void {
  test("block ids ascend in the given order, above those of earlier calls", async (t) => {
    const { database, connection } = opened();
    const { parties } = await addProject(database);
    const { id } = parties[0]!;
    const token = randomId();
    await database.beginUpload(id, token, undefined);
    let last = 0;
    for (const count of [1, 0, 1000, 20_000]) {
      const blocks = Array.from({ length: count }, (_, n) => ({ name: blockName(), recordCount: n + 1 }));
      const ids = await database.addBlocks(id, token, blocks);
      t.is(ids.length, count);
      t.true(
        ids.every((blockId, n) => Number.isInteger(blockId) && blockId > (n === 0 ? last : ids[n - 1]!)),
      );
      last = ids.at(-1) ?? last;
      const rows = await connection.query<{ name: string; count: number }>(
        "SELECT block_name::text AS name, count FROM blocks WHERE dp = $1 ORDER BY block_id DESC LIMIT $2",
        [id, count],
      );
      t.deepEqual(
        rows.reverse().map((row) => ({ name: row.name, recordCount: row.count })),
        blocks,
      );
    }
    await database.removeBlocks(id);
    t.deepEqual(await connection.query("SELECT 1 FROM blocks WHERE dp = $1", [id]), []);
    await database.removeBlocks(id);
  });

  test("finds common blocks by name, whether many or few", async (t) => {
    const { database } = opened();
    const { parties } = await addProject(database, { partyCount: 3, usesBlocking: true });
    const [left, right, third] = parties.map(({ id }) => id) as [number, number, number];
    const names = Array.from({ length: 12_000 }, blockName);
    const leftNames = names.slice(0, 11_000);
    const rightNames = [...names.slice(1000), blockName()].reverse();
    const leftIds = (await upload(database, left, counted(leftNames))).blockIds;
    const rightIds = (await upload(database, right, counted(rightNames))).blockIds;
    const expected = leftNames.slice(1000).map((name, n) => {
      const at = rightNames.indexOf(name);
      return {
        leftBlockId: leftIds[1000 + n]!,
        leftCount: 1001 + n,
        rightBlockId: rightIds[at]!,
        rightCount: at + 1,
      };
    });
    const found = await listAll(database, left, right);
    t.is(found.length, 10_000);
    t.deepEqual(
      found.sort((a, b) => a.leftBlockId - b.leftBlockId),
      expected,
    );
    t.is((await listAll(database, right, left)).length, 10_000);
    t.deepEqual(await listAll(database, left, third), []);
    t.deepEqual(await listAll(database, third, left), []);
  });

  test("matches the single block of all rows by its name or its hash", async (t) => {
    const { database } = opened();
    const hash = await hashBlockName("1");
    for (const [left, right] of [
      ["1", "1"],
      ["1", hash],
      [hash, "1"],
      [hash, hash],
    ] as const) {
      const { project, parties } = await addProject(database);
      const [leftId] = (await upload(database, parties[0]!.id, { [left]: 3, [blockName()]: 9 })).blockIds;
      const [rightId] = (await upload(database, parties[1]!.id, { [right]: 5, [blockName()]: 9 })).blockIds;
      t.deepEqual(await listAll(database, parties[0]!.id, parties[1]!.id), [
        { leftBlockId: leftId!, leftCount: 3, rightBlockId: rightId!, rightCount: 5 },
      ]);
      t.is(await database.countComparisons(project.projectId), 15);
    }
  });

  test("listing common blocks can be stopped early", async (t) => {
    const { database } = opened();
    const { parties } = await addProject(database);
    const names = Array.from({ length: 20 }, blockName);
    for (const { id } of parties) await upload(database, id, counted(names));
    for await (const _ of database.listCommonBlocks(parties[0]!.id, parties[1]!.id)) break;
    t.is((await listAll(database, parties[0]!.id, parties[1]!.id)).length, 20);
  });

  test("sums comparisons over block names and pairs of parties", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database, { partyCount: 3 });
    t.is(await database.countComparisons(project.projectId), 0);
    const [a, b, c] = [blockName(), blockName(), blockName()] as const;
    await upload(database, parties[0]!.id, { [a]: 2, [b]: 1_000_000, [c]: 4 });
    t.is(await database.countComparisons(project.projectId), 0);
    await upload(database, parties[1]!.id, { [a]: 5, [b]: 2_000_000 });
    t.is(await database.countComparisons(project.projectId), 10 + 2e12);
    await upload(database, parties[2]!.id, { [a]: 7, [c]: 11 });
    t.is(await database.countComparisons(project.projectId), 2 * 5 + 2 * 7 + 5 * 7 + 2e12 + 4 * 11);
  });
}
