import type { Check } from "../check.js";
import type { CheckedProject, Run } from "../checked-project.js";
import { expectEqual, expectThat } from "../expectations.js";
import { base64Rows, randomClks } from "../planted-clks.js";

const rows = randomClks(10, 64);
const clks = base64Rows(rows);

/** Unusable uploads: they are refused, or fail the project and its runs, and the party may try again. */
export const refusedUploadChecks: readonly Check[] = [
  {
    name: "JSON that cannot be used gets 400, and the party may upload again",
    async run(service) {
      const project = await service.createProject();
      for (const json of [
        ...[
          {},
          [],
          null,
          { clks: [] },
          { clks: "AAAA" },
          { clks: [clks[0], "§§§§"] },
          { clks: [clks[0], 7] },
        ],
        ...[{ records: clks }, { clks, encodings: clks }],
      ]) {
        (await project.tryUpload(0, json)).problem(400);
      }
      const { made, path } = project;
      for (const body of [JSON.stringify({ clks }).slice(0, -1), "clks", ""]) {
        const headers = { "Content-Type": "application/json" };
        const token = made.update_tokens[0];
        (await service.api.request("POST", `${path}/clks`, { token, body, headers })).problem(400);
      }
      const { parties_contributed, error } = await project.describe();
      expectEqual(
        { parties_contributed, error },
        { parties_contributed: 0, error: false },
        "GET /projects/{id}",
      );
      await project.upload(0, { clks });
    },
  },
  {
    name: "/binaryclks with headers that do not fit gets 400 and an error, until a retry",
    async run(service) {
      const project = await service.createProject();
      const wrongHeaders: readonly Readonly<Record<string, string>>[] = [
        ...[{ "Hash-Count": "11" }, { "Hash-Count": "9" }, { "Hash-Count": "many" }, { "Hash-Size": "0" }],
        { "Hash-Size": "20", "Hash-Count": "32" },
      ];
      for (const headers of wrongHeaders) {
        (await project.tryBinaryUpload(0, rows, headers)).problem(400);
      }
      expectThat(
        (await project.describe()).error,
        "GET /projects/{id}: expected an error after a refused upload",
      );
      (await project.tryRun({ threshold: 0.9 })).problem(500);
      await project.binaryUpload(0, rows);
      const { parties_contributed, error } = await project.describe();
      expectEqual(
        { parties_contributed, error },
        { parties_contributed: 1, error: false },
        "GET /projects/{id}",
      );
    },
  },
  {
    name: "blocks where a project has none get 403, as does their lack where it has",
    async run(service) {
      const without = await service.createProject();
      (await without.tryUpload(0, { clknblocks: clks.map((clk) => [clk, "1"]) })).problem(403);
      (await without.tryUpload(0, { encodings: clks, blocks: { "0": ["1"] } })).problem(403);
      await without.upload(0, { clks });
      const blocking = await service.createProject({ uses_blocking: true });
      (await blocking.tryUpload(0, { clks })).problem(403);
      (await blocking.tryUpload(0, { encodings: clks })).problem(403);
      (await blocking.tryBinaryUpload(0, rows)).problem(403);
      await blocking.upload(0, { clknblocks: clks.map((clk) => [clk, "1"]) });
    },
  },
  {
    name: "JSON rows of a wrong size get 201, then the project and its runs an error that says why",
    async run(service) {
      const project = await service.createProject();
      const run = await project.run(0.9);
      await project.upload(0, { clks: base64Rows(randomClks(5, 20)) });
      await expectSizeProblem(project, run);
      (await project.tryResult(run)).problem(500);
    },
  },
  {
    name: "parties whose rows differ in size get an error that says why",
    async run(service) {
      const project = await service.createProject();
      const run = await project.run(0.9);
      await project.binaryUpload(0, rows);
      await project.upload(1, { clks: base64Rows(randomClks(5, 128)) });
      await expectSizeProblem(project, run);
    },
  },
];

/** The project and its run are in error, with a message that says why. */
async function expectSizeProblem(project: CheckedProject, run: Run): Promise<void> {
  await project.waitForError();
  const { state, message = "" } = await project.waitForRun(run);
  expectEqual(state, "error", "the state of the run");
  expectThat(/size|bytes/i.test(message), `the run's message does not mention the size: ${message}`);
}
