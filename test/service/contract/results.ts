import type { Answer, NewProject, ResultType } from "../client.js";
import {
  asSet,
  base64Rows,
  expectedOf,
  overlappingRows,
  type Rows,
  randomRows,
  recordCountOf,
} from "../data.js";
import { linesUp } from "../permutations.js";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";

const parties = overlappingRows(21, [80, 60]) as [Rows, Rows];
const THRESHOLD = 0.8;
const RESULT_TYPES: readonly ResultType[] = ["groups", "permutations", "similarity_scores"];

type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** What each result type contains, and which tokens may read it. */
export const results: Contract = (test, client, kind) => {
  const complete = async (result_type: ResultType, threshold = THRESHOLD, of: readonly Rows[] = parties) => {
    const project = await client().createProject({ result_type, number_parties: of.length });
    const receipts: string[] = [];
    for (const [party, { bytes, byteLength }] of of.entries()) {
      receipts.push((await client().binaryUpload(project, party, bytes, byteLength)).receipt_token);
    }
    const { run_id } = await client().run(project, threshold);
    await client().waitUntilComplete(project, run_id);
    return { project, receipts, run_id };
  };

  test("similarity scores are all pairs that reach the threshold, best first, bit for bit", async (t) => {
    const { project, run_id } = await complete("similarity_scores");
    const { scores } = await expectedOf(parties, THRESHOLD);
    t.true(scores.length > 20);
    const answer = await client().tryResult(project, run_id);
    t.is(answer.status, 200);
    t.regex(answer.headers.get("content-type")!, /^application\/json/);
    t.deepEqual(answer.json(), { similarity_scores: scores });
  });

  test("groups are pairs of records, one of each party, every record at most once", async (t) => {
    const { project, run_id } = await complete("groups");
    const { groups } = await client().result<Groups>(project, run_id);
    t.deepEqual(asSet(groups), asSet((await expectedOf(parties, THRESHOLD)).groups));
    for (const group of groups) {
      t.deepEqual(group.map(([dataset]) => dataset).sort(), [0, 1]);
    }
    const records = groups.flat().map(String);
    t.is(new Set(records).size, records.length);
  });

  for (const [what, counts] of [
    ["a larger first party", [80, 60]],
    ["a larger second party", [60, 80]],
    ["parties of equal size", [70, 70]],
    ["a party of one row", [1, 40]],
  ] as const) {
    test(`permutations align the groups on the mask, with ${what}`, async (t) => {
      const of = overlappingRows(22, counts) as [Rows, Rows];
      const { project, receipts, run_id } = await complete("permutations", THRESHOLD, of);
      const { mask } = await client().result<{ mask: number[] }>(project, run_id);
      const sides = await Promise.all(
        receipts.map((token) =>
          client().result<{ permutation: number[]; rows: number }>(project, run_id, token),
        ),
      );
      const { groups } = await expectedOf(of, THRESHOLD);
      linesUp(t, { mask, sides, counts: of.map(recordCountOf), groups });
    });
  }

  test("three parties get groups of two and three", async (t) => {
    const three = overlappingRows(23, [50, 60, 40]);
    const { project, run_id } = await complete("groups", THRESHOLD, three);
    const { groups } = await client().result<Groups>(project, run_id);
    t.deepEqual(asSet(groups), asSet((await expectedOf(three, THRESHOLD)).groups));
    t.true(groups.some((group) => group.length === 3));
  });

  for (const result_type of RESULT_TYPES) {
    test(`${result_type}: 404 until the run is complete`, async (t) => {
      const project = await client().createProject({ result_type });
      const { run_id } = await client().run(project);
      isProblem(t, await client().tryResult(project, run_id), 404);
      const { receipt_token } = await client().upload(project, 0, { clks: base64Rows(parties[0]) });
      isProblem(t, await client().tryResult(project, run_id), 404);
      const byReceipt = await client().tryResult(project, run_id, receipt_token);
      isProblem(t, byReceipt, result_type === "permutations" ? 404 : 403);
    });

    test(`${result_type}: only permitted tokens read it, complete or not`, async (t) => {
      const { project, receipts, run_id } = await complete(result_type);
      const other = await client().createProject({ result_type });
      const waiting = await client().run(other);
      const path = `/projects/${project.project_id}/runs/${run_id}/result`;
      isProblem(t, await client().get(path), 400);
      for (const token of ["invalid", ...project.update_tokens, other.result_token]) {
        isProblem(t, await client().get(path, token), 403);
      }
      isProblem(t, await client().tryResult(other, waiting.run_id, project.result_token), 403);
      isProblem(t, await client().tryResult(other, waiting.run_id, receipts[0]), 403);
      for (const token of receipts) {
        const answer = await client().get(path, token);
        t.is(answer.status, result_type === "permutations" ? 200 : 403);
      }
    });

    test(`${result_type}: dissimilar records give an empty result`, async (t) => {
      const unlike = [randomRows(31, 30), randomRows(32, 20)];
      const { project, run_id } = await complete(result_type, 0.95, unlike);
      const result = await client().result(project, run_id);
      const empty = {
        groups: { groups: [] },
        similarity_scores: { similarity_scores: [] },
        permutations: { mask: new Array<number>(20).fill(0) },
      };
      t.deepEqual(result, empty[result_type]);
    });
  }

  test("permutations: the result token gets only the mask, a receipt token only its own permutation", async (t) => {
    const { project, receipts, run_id } = await complete("permutations");
    t.deepEqual(Object.keys(await client().result<object>(project, run_id)), ["mask"]);
    const sides = [];
    for (const token of receipts) {
      const side = await client().result<{ permutation: number[]; rows: number }>(project, run_id, token);
      t.deepEqual(Object.keys(side).sort(), ["permutation", "rows"]);
      t.is(side.rows, 60);
      sides.push(side.permutation.length);
    }
    t.deepEqual(sides, [80, 60]);
  });

  test("permutations of two runs differ", async (t) => {
    const { project, receipts, run_id } = await complete("permutations");
    const again = await client().run(project, THRESHOLD);
    await client().waitUntilComplete(project, again.run_id);
    const of = (run: string) => client().result<{ permutation: number[] }>(project, run, receipts[0]);
    t.notDeepEqual((await of(run_id)).permutation, (await of(again.run_id)).permutation);
  });

  test("RETURN-OBJECT-STORE-ADDRESS returns an object's address if clients can reach the store", async (t) => {
    const { project, run_id } = await complete("similarity_scores");
    const answer = await addressOf(project, run_id);
    if (kind === "embedded") {
      t.is(isProblem(t, answer, 500).title, "Feature Disabled");
      return;
    }
    t.is(answer.status, 200);
    const { credentials, object } = answer.json<Record<string, Record<string, unknown>>>();
    for (const key of ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]) {
      t.is(typeof credentials![key], "string", key);
    }
    t.regex(object!["path"] as string, /^similarity-scores\/[0-9a-f]+\.bin$/);
    t.deepEqual(Object.keys(object!).sort(), ["bucket", "endpoint", "path", "secure"]);
  });

  test("RETURN-OBJECT-STORE-ADDRESS has no effect on groups", async (t) => {
    const { project, run_id } = await complete("groups");
    const answer = await addressOf(project, run_id);
    t.is(answer.status, 200);
    t.deepEqual(Object.keys(answer.json<object>()), ["groups"]);
  });

  function addressOf(project: NewProject, runId: string): Promise<Answer> {
    return client().tryResult(project, runId, project.result_token, { "RETURN-OBJECT-STORE-ADDRESS": "1" });
  }

  test("returns a large result completely", async (t) => {
    const large = overlappingRows(24, [500, 500]) as [Rows, Rows];
    const threshold = 0.2;
    const { project, run_id } = await complete("similarity_scores", threshold, large);
    const { scores } = await expectedOf(large, threshold);
    t.true(scores.length > 200_000);
    const { similarity_scores } = await client().result<{ similarity_scores: unknown[] }>(project, run_id);
    t.is(similarity_scores.length, scores.length);
    // Compares only some of them, because a deep comparison of all takes a while.
    for (let n = 0; n < scores.length; n += 997) t.deepEqual(similarity_scores[n], scores[n]);
  });
};
