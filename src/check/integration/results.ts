import type { Check } from "../check.js";
import type { CheckedService } from "../checked-service.js";
import { expectEqual, LeftOut } from "../expectations.js";
import { plantClks, randomClks, SAFE_THRESHOLD } from "../planted-clks.js";
import { SharedObjectStore } from "../shared-object-store.js";

const RESULT_TYPES = ["groups", "permutations", "similarity_scores"] as const;
const KEYS = { groups: ["groups"], permutations: ["mask"], similarity_scores: ["similarity_scores"] };

async function completeOf(service: CheckedService, result_type: string) {
  const { parties } = plantClks({ rowCounts: [40, 30], sharedBy: { 2: 10 } });
  const project = await service.createProject({ result_type });
  const receipts = await project.uploadAll(parties);
  const run = await project.run(SAFE_THRESHOLD);
  await project.waitUntilComplete(run);
  return { project, receipts, run };
}

/** What each result type returns, and to which callers. */
export const resultChecks: readonly Check[] = [
  ...RESULT_TYPES.map(
    (result_type): Check => ({
      name: `${result_type} are there when the run is complete, for those who may read them`,
      async run(service) {
        const waiting = await service.createProject({ result_type });
        (await waiting.tryResult(await waiting.run(0.9))).problem(404);
        const { project, receipts, run } = await completeOf(service, result_type);
        const result = await project.result<object>(run);
        expectEqual(Object.keys(result), KEYS[result_type], "the members of the result");
        (await service.api.get(`${project.path}/runs/${run.run_id}/result`)).problem(400);
        for (const token of ["wrong", project.made.update_tokens[0], waiting.made.result_token]) {
          (await project.tryResult(run, token)).problem(403);
        }
        for (const token of receipts) {
          const answer = await project.tryResult(run, token);
          if (result_type !== "permutations") answer.problem(403);
          else
            expectEqual(
              Object.keys(answer.json<object>(200)).sort(),
              ["permutation", "rows"],
              "a party's result",
            );
        }
      },
    }),
  ),
  {
    name: "parties with no one in common get empty results",
    async run(service) {
      for (const [result_type, empty] of [
        ["groups", { groups: [] }],
        ["similarity_scores", { similarity_scores: [] }],
        ["permutations", { mask: new Array<number>(20).fill(0) }],
      ] as const) {
        const project = await service.createProject({ result_type });
        await project.uploadAll([randomClks(30), randomClks(20)]);
        expectEqual((await project.complete(0.9)).result, empty, `the result of type ${result_type}`);
      }
    },
  },
  {
    name: "RETURN-OBJECT-STORE-ADDRESS gives similarity scores' address, where it is switched on",
    async run(service) {
      const { project, run } = await completeOf(service, "similarity_scores");
      const answer = await project.tryResult(run, undefined, { "RETURN-OBJECT-STORE-ADDRESS": "true" });
      if (answer.status === 500 && answer.problem(500) === "Feature Disabled") {
        throw new LeftOut("switched off at this service");
      }
      const { credentials, object } = answer.json<{ credentials: never; object: never }>(200);
      new SharedObjectStore(credentials, object); // throws if something is missing
    },
  },
];
