import {
  asSet,
  base64Rows,
  blockMap,
  clksAndBlocks,
  expectedOf,
  overlappingRows,
  type Rows,
  randomBlocks,
} from "../data.js";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";
import { blocks, clks, type Groups, rows, uploadForms } from "./upload-forms.js";

const [left, right] = overlappingRows(8, [40, 50]) as [Rows, Rows];
const leftBlocks = randomBlocks(1, 40, 4);
const rightBlocks = randomBlocks(2, 50, 4);

/** Blocks, in both forms, and projects with and without blocking. */
export const blocksOfUploads: Contract = (test, client) => {
  const { forms, blockForms } = uploadForms(client);

  for (const [what, json] of [
    ["clknblocks", { clknblocks: clksAndBlocks(rows, blocks) }],
    ["encodings and blocks", { encodings: clks, blocks: blockMap(blocks) }],
    ["blocks before encodings", { blocks: blockMap(blocks), encodings: clks }],
    ["encodings before empty blocks", { encodings: clks, blocks: {} }],
  ] as const) {
    test(`${what} get 403 if the project uses no blocks, and release the upload slot`, async (t) => {
      const project = await client().createProject();
      isProblem(t, await client().tryUpload(project, 0, json), 403);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await forms["clks"]!(project, 0)).status, 201);
    });
  }

  for (const form of ["clks", "encodings"]) {
    test(`${form} without blocks get 403 if the project uses them, and release the upload slot`, async (t) => {
      const project = await client().createProject({ uses_blocking: true });
      isProblem(t, await client().tryUpload(project, 0, { [form]: clks }), 403);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await blockForms["clknblocks"]!(project, 0)).status, 201);
    });
  }

  test("a block can be a string or an integer, which are equivalent", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clks.map((encoding, row) => [encoding, row]) });
    await client().upload(project, 1, { clknblocks: clks.map((encoding, row) => [encoding, String(row)]) });
    const { run_id } = await client().run(project, 1);
    const { total_number_comparisons } = await client().waitUntilComplete(project, run_id);
    t.is(total_number_comparisons, 20);
    t.is((await client().result<Groups>(project, run_id)).groups.length, 20);
  });

  test("blocks refer to encodings by their position", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    // Neither in order nor complete: record 2 is in no block.
    const some = clks.slice(0, 4);
    await client().upload(project, 0, {
      encodings: some,
      blocks: { "3": ["x"], "0": ["x", "y"], "1": ["y"] },
    });
    await client().upload(project, 1, {
      encodings: [...some].reverse(),
      blocks: { "1": ["y"], "2": ["y"], "3": ["x"], "0": ["x"] },
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(
      asSet(groups),
      asSet([
        [
          [0, 0],
          [1, 3],
        ],
        [
          [0, 1],
          [1, 2],
        ],
        [
          [0, 3],
          [1, 0],
        ],
      ]),
    );
  });

  test("beyond the original, blocks may be an array with those of each row", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { encodings: clks.slice(0, 3), blocks: [["a"], [], ["b", 3]] });
    await client().upload(project, 1, {
      clknblocks: clks.slice(0, 3).map((encoding) => [encoding, "3", "a"]),
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(
      asSet(groups),
      asSet([
        [
          [0, 0],
          [1, 0],
        ],
        [
          [0, 2],
          [1, 2],
        ],
      ]),
    );
  });

  test("a row may be in no block, or list one twice", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: [[clks[0]], [clks[1], "a", "a", "b"]] });
    await client().upload(project, 1, {
      encodings: clks.slice(0, 2),
      blocks: { "0": [], "1": ["b", "b", "a"] },
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(groups, [
      [
        [0, 1],
        [1, 1],
      ],
    ]);
  });

  test("clknblocks and encodings with blocks can be linked", async (t) => {
    const project = await client().createProject({ result_type: "similarity_scores", uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clksAndBlocks(left, leftBlocks) });
    await client().upload(project, 1, { encodings: base64Rows(right), blocks: blockMap(rightBlocks) });
    const { scores, comparisons } = await expectedOf(
      [
        { ...left, blocks: leftBlocks },
        { ...right, blocks: rightBlocks },
      ],
      0.8,
    );
    const { run_id } = await client().run(project, 0.8);
    t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, comparisons);
    t.deepEqual(await client().result(project, run_id), { similarity_scores: scores });
  });

  test("parties without a common block get an empty result", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clks.map((encoding) => [encoding, "left"]) });
    await client().upload(project, 1, { clknblocks: clks.map((encoding) => [encoding, "right"]) });
    const { run_id } = await client().run(project);
    t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, 0);
    t.deepEqual(await client().result(project, run_id), { groups: [] });
  });
};
