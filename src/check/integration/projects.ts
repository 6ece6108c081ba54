import type { Check } from "../check.js";
import { CODE, UNKNOWN } from "../checked-service.js";
import { expectEqual, expectThat } from "../expectations.js";
import { base64Rows, randomClks } from "../planted-clks.js";

const valid = { schema: {}, result_type: "groups" };
const REFUSED = [
  { ...valid, result_type: "permutations", number_parties: 3 },
  { ...valid, result_type: "similarity_scores", number_parties: 3 },
  { ...valid, number_parties: 1 },
  { ...valid, number_parties: "two" },
  { ...valid, result_type: "mapping" },
  { ...valid, schema: "schema" },
  { result_type: "groups" },
  { schema: {} },
  [],
  null,
];

/** Creating, describing, listing and deleting projects. */
export const projectChecks: readonly Check[] = [
  {
    name: "POST /projects gives an id, a token for each party and one for results, all different",
    async run(service) {
      const { made } = await service.createProject({ number_parties: 3 });
      const codes = [made.project_id, made.result_token, ...made.update_tokens];
      expectThat(
        codes.every((code) => CODE.test(code)),
        "POST /projects: expected codes of 48 hexadecimal characters",
      );
      expectEqual(new Set(codes).size, 5, "POST /projects: the number of different codes");
    },
  },
  {
    name: "a project is described as it was asked for",
    async run(service) {
      const asked = {
        ...{ schema: { clkConfig: { l: 1024, note: "«ä»" } }, result_type: "groups", number_parties: 3 },
        ...{ name: "a näme, 🙂", notes: "notes\nof two lines", uses_blocking: true },
      };
      const project = await service.createProject(asked);
      const { project_id } = project.made;
      expectEqual(
        await project.describe(),
        { ...asked, project_id, parties_contributed: 0, error: false },
        "GET /projects/{id}",
      );
    },
  },
  {
    name: "a project that makes no sense gets 400",
    async run({ api }) {
      for (const json of REFUSED) (await api.post("/projects", json)).problem(400);
      const headers = { "Content-Type": "application/json" };
      (await api.request("POST", "/projects", { body: '{"schema": {', headers })).problem(400);
    },
  },
  {
    name: "GET /projects lists a project with its time, without a token",
    async run(service) {
      const { made } = await service.createProject();
      const list = (await service.api.get("/projects")).json<Record<string, unknown>[]>(200);
      const found = list.filter(({ project_id }) => project_id === made.project_id);
      expectEqual(found.length, 1, "GET /projects: how often the project is listed");
      const time = String(found[0]!["time_added"]);
      expectThat(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/.test(time), `GET /projects: the time ${time}`);
    },
  },
  {
    name: "a project without its token gets 400, with another one 403, an unknown project 403",
    async run(service) {
      const [{ made, path }, other] = [await service.createProject(), await service.createProject()];
      for (const method of ["GET", "DELETE"]) {
        (await service.api.request(method, path)).problem(400);
        for (const token of ["wrong", UNKNOWN, made.update_tokens[0], other.made.result_token]) {
          (await service.api.request(method, path, { token })).problem(403);
        }
        for (const id of [UNKNOWN, "unknown"]) {
          (await service.api.request(method, `/projects/${id}`, { token: made.result_token })).problem(403);
        }
      }
    },
  },
  {
    name: "a receipt token describes a project of permutations, and no other",
    async run(service) {
      for (const [result_type, status] of [
        ["permutations", 200],
        ["groups", 403],
        ["similarity_scores", 403],
      ] as const) {
        const project = await service.createProject({ result_type });
        const { receipt_token } = await project.upload(0, { clks: base64Rows(randomClks(3)) });
        (await service.api.get(project.path, receipt_token)).expect(status);
        (await service.api.delete(project.path, receipt_token)).problem(403);
      }
    },
  },
  {
    name: "a deleted project is gone at once, for everyone",
    async run(service) {
      const project = await service.createProject();
      const { made, path } = project;
      const run = await project.run(0.9);
      const { receipt_token } = await project.binaryUpload(0, randomClks(3));
      await project.delete();
      for (const below of ["", "/runs", `/runs/${run.run_id}`, `/runs/${run.run_id}/status`]) {
        (await service.api.get(path + below, made.result_token)).problem(403);
      }
      (await service.api.get(`${path}/runs`, receipt_token)).problem(403);
      (await project.tryRun({ threshold: 0.9 })).problem(403);
      (await project.tryUpload(1, { clks: base64Rows(randomClks(3)) })).problem(403);
      (await service.api.delete(path, made.result_token)).problem(403);
    },
  },
];
