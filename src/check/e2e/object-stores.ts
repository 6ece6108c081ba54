import { parseCandidateFile } from "../../library/node.js";
import type { Check } from "../check.js";
import type { CheckedProject } from "../checked-project.js";
import { UNKNOWN } from "../checked-service.js";
import { expectEqual, expectThat, LeftOut } from "../expectations.js";
import { expectedResult, expectGroups, type Score } from "../expected-result.js";
import { base64Rows, type Clks, type Group, plantClks, rowCountOf, SAFE_THRESHOLD } from "../planted-clks.js";
import { type ObjectPlace, SharedObjectStore, type TemporaryCredentials } from "../shared-object-store.js";

const LOW_THRESHOLD = 0.56;

/** Linkages whose data goes through an object store, with temporary credentials. */
export const objectStoreChecks: readonly Check[] = [
  {
    name: "uploads by temporary credentials, as raw rows and as JSON, are linked, and paths of others refused",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [1500, 1000], sharedBy: { 2: 400 } });
      const [left, right] = parties as [Clks, Clks];
      const project = await service.createProject();
      const [own, other] = [await storeOf(service, project, 0), await storeOf(service, project, 1)];
      for (const path of [
        `${UNKNOWN}/1/rows`,
        `${own.place.path}2/rows`,
        `${other.place.path}/rows`,
        "rows",
      ]) {
        expectThat(await own.refuses(path), "the object store takes objects beyond the party's own path");
      }
      const rows = await own.put("rows", left.bytes, metadataOf(left));
      (await project.tryUpload(1, { encodings: rows })).problem(403);
      await project.upload(0, { encodings: rows });
      const json = JSON.stringify({ clks: base64Rows(right) });
      await project.upload(1, { encodings: await other.put("rows.json", json, metadataOf(right)) });
      const { result } = await project.complete<{ groups: Group[] }>(SAFE_THRESHOLD);
      expectGroups(result.groups, groups);
    },
  },
  {
    name: "uploads by temporary credentials may have blocks",
    async run(service) {
      const { parties, groups } = plantClks({ rowCounts: [900, 700], sharedBy: { 2: 300 } });
      const project = await service.createProject({ uses_blocking: true });
      for (const [party, clks] of parties.entries()) {
        const store = await storeOf(service, project, party);
        const blocks = Array.from({ length: rowCountOf(clks) }, (_, row) => [
          String(row),
          ["all", `of ${party}`],
        ]);
        await project.upload(party, {
          encodings: await store.put("rows", clks.bytes, metadataOf(clks)),
          blocks: await store.put("blocks.json", JSON.stringify({ blocks: Object.fromEntries(blocks) })),
        });
      }
      const { result } = await project.complete<{ groups: Group[] }>(SAFE_THRESHOLD);
      expectGroups(result.groups, groups);
    },
  },
  {
    name: "similarity scores can be fetched as a file by temporary credentials",
    async run(service) {
      const { parties } = plantClks({ rowCounts: [1200, 1000], sharedBy: { 2: 300 } });
      const project = await service.createProject({ result_type: "similarity_scores" });
      await project.uploadAll(parties);
      const run = await project.run(LOW_THRESHOLD);
      await project.waitUntilComplete(run);
      const answer = await project.tryResult(run, undefined, { "RETURN-OBJECT-STORE-ADDRESS": "true" });
      if (answer.status === 500 && answer.problem(500) === "Feature Disabled") {
        throw new LeftOut("switched off at this service");
      }
      const { credentials, object } = answer.json<{ credentials: TemporaryCredentials; object: ObjectPlace }>(
        200,
      );
      const found = parseCandidateFile(await new SharedObjectStore(credentials, object).get());
      const { scores } = await expectedResult(parties, LOW_THRESHOLD, service.signal);
      expectEqual(found.scores.length, scores.length, "the number of scores in the file");
      const fromFile = Array.from(
        found.scores,
        (score, n): Score => [
          [found.leftDatasets[n]!, found.leftRecords[n]!],
          [found.rightDatasets[n]!, found.rightRecords[n]!],
          score,
        ],
      );
      expectEqual(fromFile, scores, "the scores in the file");
    },
  },
];

async function storeOf(
  { api }: Parameters<Check["run"]>[0],
  { path, made }: CheckedProject,
  party: number,
): Promise<SharedObjectStore> {
  const answer = await api.get(`${path}/authorize-external-upload`, made.update_tokens[party]);
  if (answer.status === 500 && answer.problem(500) === "Feature Disabled") {
    throw new LeftOut("switched off at this service");
  }
  const { credentials, upload } = answer.json<{ credentials: TemporaryCredentials; upload: ObjectPlace }>(
    201,
  );
  return new SharedObjectStore(credentials, upload);
}

function metadataOf(clks: Clks): Record<string, string> {
  return { "hash-count": String(rowCountOf(clks)), "hash-size": String(clks.byteLength) };
}
