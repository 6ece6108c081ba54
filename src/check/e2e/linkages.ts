import type { Check } from "../check.js";
import type { RunStatus } from "../checked-project.js";
import { expectEqual, expectThat } from "../expectations.js";
import { expectedResult, expectGroups, type RowBlocks, type Score } from "../expected-result.js";
import { expectLinedUp } from "../permutations.js";
import {
  base64Rows,
  type Clks,
  type Group,
  type PlantedClks,
  plantClks,
  randomClks,
  rowCountOf,
  SAFE_THRESHOLD,
} from "../planted-clks.js";

/** Low enough that unrelated records reach it too: thousands of pairs, whose exact scores matter. */
const LOW_THRESHOLD = 0.56;

/** Linkages of parties with some people in common; the expected results come from the library. */
export const linkageChecks: readonly Check[] = [
  {
    name: "two parties of 4,000 and 3,000 rows: groups are the 1,000 persons in common",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [4000, 3000], sharedBy: { 2: 1000 } });
      const project = await service.createProject();
      for (const [party, clks] of parties.entries()) await project.upload(party, { clks: base64Rows(clks) });
      const { result, status } = await project.complete<{ groups: Group[] }>(SAFE_THRESHOLD);
      expectGroups(result.groups, groups);
      expectEqual(status.total_number_comparisons, 12_000_000, "the comparisons");
    },
  },
  {
    name: "similarity scores are the library's, to the last bit and in its order",
    async run(service) {
      const { parties } = plantClks({ rowCounts: [2500, 2000], sharedBy: { 2: 500 } });
      const project = await service.createProject({ result_type: "similarity_scores" });
      await project.uploadAll(parties);
      const { scores } = await expectedResult(parties, LOW_THRESHOLD, service.signal);
      expectThat(scores.length > 500, "this check's own data: expected more pairs than persons in common");
      const { result } = await project.complete<{ similarity_scores: Score[] }>(LOW_THRESHOLD);
      expectEqual(result.similarity_scores.length, scores.length, "the number of scores");
      expectEqual(result.similarity_scores, scores, "the scores");
    },
  },
  {
    name: "permutations line up where the mask says so, and nowhere else",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [2000, 3000], sharedBy: { 2: 800 } });
      const project = await service.createProject({ result_type: "permutations" });
      const receipts = await project.uploadAll(parties);
      const { run, result } = await project.complete<{ mask: number[] }>(SAFE_THRESHOLD);
      const sides = [];
      for (const token of receipts) {
        sides.push(await project.result<{ permutation: number[]; rows: number }>(run, token));
      }
      expectLinedUp({ mask: result.mask, sides, rowCounts: parties.map(rowCountOf), groups });
    },
  },
  {
    name: "three parties: groups of two and of three",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [1500, 1800, 1200], sharedBy: { 2: 300, 3: 400 } });
      const project = await service.createProject({ number_parties: 3 });
      await project.uploadAll(parties);
      const { result } = await project.complete<{ groups: Group[] }>(SAFE_THRESHOLD);
      expectGroups(result.groups, groups);
    },
  },
  {
    name: "blocks: only records that share one are compared, as the library does",
    async run(service) {
      const planted = plantClks({ rowCounts: [2000, 1500], sharedBy: { 2: 600 } });
      const blocks = blocksOf(planted, 50);
      const withBlocks = planted.parties.map((clks, party) => ({ ...clks, blocks: blocks[party]! }));
      const project = await service.createProject({ uses_blocking: true });
      const [left, right] = planted.parties as [Clks, Clks];
      await project.upload(0, {
        clknblocks: base64Rows(left).map((clk, row) => [clk, ...blocks[0]![row]!]),
      });
      const rows = Object.fromEntries(blocks[1]!.map((names, row) => [row, names]));
      await project.upload(1, { encodings: base64Rows(right), blocks: rows });
      const { result } = await project.complete<{ groups: Group[] }>(SAFE_THRESHOLD);
      const { groups } = await expectedResult(withBlocks, SAFE_THRESHOLD, service.signal);
      expectThat(
        groups.length > 0 && groups.length < planted.groups.length,
        "this check's own data: some lost",
      );
      expectGroups(result.groups, groups);
    },
  },
  {
    name: "a run only ever goes forward, and its progress stays between 0 and 1",
    async run(service) {
      const project = await service.createProject({ result_type: "similarity_scores" });
      await project.uploadAll([randomClks(5000), randomClks(5000)]);
      let last: RunStatus | undefined;
      const final = await project.waitUntilComplete(await project.run(SAFE_THRESHOLD), (status) => {
        expectForward(last, status);
        last = status;
      });
      expectEqual([final.stages, final.current_stage.number], [2, 2], "the stages, and the last one");
      expectEqual(final.current_stage.description, "compute similarity scores", "the last stage");
      expectEqual(final.total_number_comparisons, 25_000_000, "the comparisons");
    },
  },
  {
    name: "several runs of a project have their own thresholds and results; one is deleted as it runs",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [2000, 2000], sharedBy: { 2: 500 } });
      const project = await service.createProject();
      await project.uploadAll(parties);
      const [all, none, gone] = [
        await project.run(SAFE_THRESHOLD),
        await project.run(1),
        await project.run(0.7),
      ];
      (await service.api.delete(`${project.path}/runs/${gone.run_id}`, project.made.result_token)).expect(
        204,
      );
      for (const run of [all, none]) await project.waitUntilComplete(run);
      expectGroups((await project.result<{ groups: Group[] }>(all)).groups, groups);
      const exact = await expectedResult(parties, 1, service.signal);
      expectGroups((await project.result<{ groups: Group[] }>(none)).groups, exact.groups);
      (await project.tryResult(gone)).problem(403);
    },
  },
  {
    name: "six projects at once do not get in each other's way",
    async run(service) {
      const sizes = [300, 600, 900, 1200, 1500, 1800];
      const linked = await Promise.allSettled(
        sizes.map(async (size) => {
          const { parties, groups } = plantClks({ rowCounts: [size, size], sharedBy: { 2: size / 3 } });
          const project = await service.createProject();
          const run = await project.run(SAFE_THRESHOLD);
          await project.uploadAll(parties);
          await project.waitUntilComplete(run);
          expectGroups((await project.result<{ groups: Group[] }>(run)).groups, groups);
          await project.delete();
        }),
      );
      for (const outcome of linked) if (outcome.status === "rejected") throw outcome.reason;
    },
  },
];

/** One or two blocks for each record; half of the people in common share one, the others only by chance. */
function blocksOf({ parties, groups }: PlantedClks, blockCount: number): RowBlocks[] {
  let next = 0;
  const some = () => `block ${next++ % blockCount}`;
  const blocks = parties.map((clks) => Array.from({ length: rowCountOf(clks) }, () => [some()]));
  for (const [person, group] of groups.entries()) {
    if (person % 2 === 0)
      for (const [party, row] of group) blocks[party]![row]!.push(`person's ${person % 25}`);
  }
  return blocks;
}

const STATES = ["created", "queued", "running", "completed"];

function expectForward(last: RunStatus | undefined, { state, current_stage: stage }: RunStatus): void {
  expectThat(STATES.includes(state), `the state of the run: ${state}`);
  const relative = stage.progress?.relative ?? 0;
  expectThat(relative >= 0 && relative <= 1, `the run's relative progress is ${relative}, not from 0 to 1`);
  if (last === undefined) return;
  const before = last.current_stage;
  expectThat(
    STATES.indexOf(state) >= STATES.indexOf(last.state),
    `the run went from ${last.state} to ${state}`,
  );
  expectThat(stage.number >= before.number, `the run went from stage ${before.number} to ${stage.number}`);
  if (stage.number === before.number && stage.progress !== undefined && before.progress !== undefined) {
    const [from, to] = [before.progress.absolute, stage.progress.absolute];
    expectThat(to >= from, `the run's progress went from ${from} to ${to}`);
  }
}
