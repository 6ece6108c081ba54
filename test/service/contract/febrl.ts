import type { NewProject, ResultType } from "../client.js";
import {
  asSet,
  base64Rows,
  blockMap,
  clksAndBlocks,
  expectedOf,
  febrlEntities,
  febrlRows,
  overlappingRows,
  type Rows,
  randomBlocks,
} from "../data.js";
import { linesUp } from "../permutations.js";
import type { Contract } from "../test-service.js";

const sides = [febrlRows("a"), febrlRows("b")] as const;
const people = febrlEntities();
/** From test/data/febrl4-1k/README.md: threshold, pairs that reach it, and the number of true matches among them. */
const COUNTS = [
  [0.95, 472, 472],
  [0.9, 718, 718],
  [0.8, 946, 946],
  [0.7, 7215, 997],
] as const;

type Scores = { readonly similarity_scores: readonly (readonly [[0, number], [1, number], number])[] };
type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** Real data in every form of upload and with every result type. */
export const febrl: Contract = (test, client) => {
  const forms: Readonly<
    Record<string, (project: NewProject, party: number, rows: Rows) => Promise<unknown>>
  > = {
    clks: (project, party, rows) => client().upload(project, party, { clks: base64Rows(rows) }),
    encodings: (project, party, rows) => client().upload(project, party, { encodings: base64Rows(rows) }),
    binaryclks: (project, party, rows) => client().binaryUpload(project, party, rows.bytes, rows.byteLength),
  };

  const isSamePerson = ([[, left], [, right]]: Scores["similarity_scores"][number]) =>
    people.a[left] === people.b[right];

  const upload = async (project: NewProject, leftForm: string, rightForm: string) => {
    await forms[leftForm]!(project, 0, sides[0]);
    await forms[rightForm]!(project, 1, sides[1]);
  };

  for (const [leftForm, rightForm] of [
    ["clks", "clks"],
    ["encodings", "encodings"],
    ["binaryclks", "binaryclks"],
    ["clks", "binaryclks"],
    ["binaryclks", "encodings"],
  ] as const) {
    test(`febrl4-1k as ${leftForm} and ${rightForm}: has the documented counts at each threshold`, async (t) => {
      const project = await client().createProject({ result_type: "similarity_scores" });
      await upload(project, leftForm, rightForm);
      const started = await Promise.all(COUNTS.map(([threshold]) => client().run(project, threshold)));
      for (const [index, [threshold, pairs, matches]] of COUNTS.entries()) {
        const { run_id } = started[index]!;
        t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, 1_000_000);
        const { similarity_scores } = await client().result<Scores>(project, run_id);
        t.is(similarity_scores.length, pairs, `pairs at ${threshold}`);
        t.is(similarity_scores.filter(isSamePerson).length, matches, `matches at ${threshold}`);
      }
    });

    test(`febrl4-1k as ${leftForm} and ${rightForm}: groups match the people`, async (t) => {
      const project = await client().createProject();
      await upload(project, leftForm, rightForm);
      const { groups } = await client().complete<Groups>(project, 0.8);
      t.is(groups.length, 946);
      t.deepEqual(asSet(groups), asSet((await expectedOf(sides, 0.8)).groups));
      for (const group of groups) {
        const [[, left], [, right]] = [...group].sort() as [[0, number], [1, number]];
        t.is(people.a[left], people.b[right]);
      }
    });

    test(`febrl4-1k as ${leftForm} and ${rightForm}: permuted people align on the mask`, async (t) => {
      const project = await client().createProject({ result_type: "permutations" });
      const receipts = [
        (await forms[leftForm]!(project, 0, sides[0])) as { receipt_token: string },
        (await forms[rightForm]!(project, 1, sides[1])) as { receipt_token: string },
      ];
      const { run_id } = await client().run(project, 0.8);
      await client().waitUntilComplete(project, run_id);
      const { mask } = await client().result<{ mask: number[] }>(project, run_id);
      const permuted = await Promise.all(
        receipts.map(({ receipt_token }) =>
          client().result<{ permutation: number[]; rows: number }>(project, run_id, receipt_token),
        ),
      );
      t.is(mask.filter((value) => value === 1).length, 946);
      linesUp(t, {
        mask,
        sides: permuted,
        counts: [1000, 1000],
        groups: (await expectedOf(sides, 0.8)).groups,
      });
      const lists = permuted.map(({ permutation }, side) => {
        const list: string[] = [];
        for (const [row, newRow] of permutation.entries())
          list[newRow] = people[side === 0 ? "a" : "b"][row]!;
        return list;
      });
      for (const [row, value] of mask.entries()) if (value === 1) t.is(lists[0]![row], lists[1]![row]);
    });
  }

  const blocked = sides.map((rows, side) => ({ ...rows, blocks: randomBlocks(side, 1000, 12) }));
  for (const result_type of ["similarity_scores", "groups"] as const satisfies ResultType[]) {
    test(`febrl4-1k in overlapping blocks, in both forms: ${result_type}`, async (t) => {
      const project = await client().createProject({ result_type, uses_blocking: true });
      const [left, right] = blocked as [(typeof blocked)[0], (typeof blocked)[0]];
      await client().upload(project, 0, { clknblocks: clksAndBlocks(left, left.blocks) });
      await client().upload(project, 1, { encodings: base64Rows(right), blocks: blockMap(right.blocks) });
      const { scores, groups, comparisons } = await expectedOf(blocked, 0.7);
      const { run_id } = await client().run(project, 0.7);
      t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, comparisons);
      const result = await client().result<Scores & Groups>(project, run_id);
      if (result_type === "groups") t.deepEqual(asSet(result.groups), asSet(groups));
      else t.deepEqual(result, { similarity_scores: scores } as never);
    });
  }

  for (const number_parties of [3, 5]) {
    for (const uses_blocking of [false, true]) {
      const blocks = uses_blocking ? " in blocks" : "";
      test(`${number_parties} parties${blocks} with mixed forms get the library's groups`, async (t) => {
        const counts = [120, 90, 150, 40, 200].slice(0, number_parties);
        const parties = overlappingRows(number_parties, counts, 128).map((rows, party) =>
          uses_blocking ? { ...rows, blocks: randomBlocks(party, counts[party]!, 3) } : rows,
        );
        const project = await client().createProject({ number_parties, uses_blocking });
        // The last party uploads first: a party's index is the position of its token.
        for (const [party, rows] of [...parties.entries()].reverse()) {
          if ("blocks" in rows && party % 2 === 0) {
            await client().upload(project, party, { clknblocks: clksAndBlocks(rows, rows.blocks) });
          } else if ("blocks" in rows) {
            await client().upload(project, party, {
              encodings: base64Rows(rows),
              blocks: blockMap(rows.blocks),
            });
          } else {
            await Object.values(forms)[party % 3]!(project, party, rows);
          }
        }
        const { run_id } = await client().run(project, 0.8);
        const { groups, comparisons } = await expectedOf(parties, 0.8);
        t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, comparisons);
        const result = await client().result<Groups>(project, run_id);
        t.deepEqual(asSet(result.groups), asSet(groups));
        t.true(groups.some((group) => group.length > 2));
      });
    }
  }
};
