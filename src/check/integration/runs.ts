import type { Check } from "../check.js";
import type { Run, RunStatus } from "../checked-project.js";
import { CODE, UNKNOWN } from "../checked-service.js";
import { expectEqual, expectThat } from "../expectations.js";
import { randomClks } from "../planted-clks.js";

const [left, right] = [randomClks(30, 64), randomClks(20, 64)];

/** Starting, monitoring, listing and deleting runs. */
export const runChecks: readonly Check[] = [
  {
    name: "a run is made, described and listed as it was asked for",
    async run(service) {
      const project = await service.createProject();
      const asked = { threshold: 0.875, name: "ein Lauf ✓", notes: "notes" };
      const { run_id, ...made } = (await project.tryRun(asked)).json<Run>(201);
      expectThat(CODE.test(run_id), "POST runs: expected a run_id of 48 hexadecimal characters");
      expectEqual(made, asked, "POST runs");
      const { result_token } = project.made;
      const described = await service.api.get(`${project.path}/runs/${run_id}`, result_token);
      expectEqual(described.json(200), { run_id, ...asked }, "GET runs/{id}");
      const list = (await service.api.get(`${project.path}/runs`, result_token)).json<
        Record<string, unknown>[]
      >(200);
      expectEqual(
        list.map((run) => [run["run_id"], run["state"]]),
        [[run_id, "created"]],
        "GET runs",
      );
    },
  },
  {
    name: "a run with an invalid threshold gets 400",
    async run(service) {
      const project = await service.createProject();
      for (const threshold of [0, -0.5, 1.0001, "0.9", null, undefined]) {
        (await project.tryRun({ threshold })).problem(400);
      }
      (await project.tryRun([0.9])).problem(400);
    },
  },
  {
    name: "runs without a token get 400, with a wrong one 403; an unknown run gets 403",
    async run(service) {
      const [project, other] = [await service.createProject(), await service.createProject()];
      const { run_id } = await project.run(0.9);
      const foreign = await other.run(0.9);
      const { path, made } = project;
      for (const [method, below] of [
        ["GET", ""],
        ["POST", ""],
        ["GET", `/${run_id}`],
        ["GET", `/${run_id}/status`],
        ["GET", `/${run_id}/result`],
        ["DELETE", `/${run_id}`],
      ] as const) {
        const request = method === "POST" ? { json: { threshold: 0.9 } } : {};
        (await service.api.request(method, `${path}/runs${below}`, request)).problem(400);
        for (const token of ["wrong", UNKNOWN, made.update_tokens[0], other.made.result_token]) {
          (await service.api.request(method, `${path}/runs${below}`, { ...request, token })).problem(403);
        }
      }
      for (const id of [UNKNOWN, "unknown", foreign.run_id]) {
        for (const below of ["", "/status", "/result"]) {
          (await service.api.get(`${path}/runs/${id}${below}`, made.result_token)).problem(403);
        }
        (await service.api.delete(`${path}/runs/${id}`, made.result_token)).problem(403);
      }
    },
  },
  {
    name: "a run may come before the data: it waits, counts parties, and then completes",
    async run(service) {
      const project = await service.createProject();
      const run = await project.run(0.9);
      const expectWaiting = ({ state, stages, current_stage }: RunStatus, parties: number) => {
        const { number, description, progress } = current_stage;
        expectEqual(
          { state, stages, number, description, absolute: progress?.absolute, relative: progress?.relative },
          {
            ...{ state: "created", stages: 3, number: 1, description: "waiting for CLKs" },
            ...{ absolute: parties, relative: parties / 2 },
          },
          "GET status",
        );
      };
      expectWaiting(await project.status(run), 0);
      (await project.tryResult(run)).problem(404);
      await project.binaryUpload(1, right);
      expectWaiting(await project.status(run), 1);
      await project.binaryUpload(0, left);
      const status = await project.waitUntilComplete(run);
      expectEqual(status.total_number_comparisons, 600, "the comparisons");
      expectEqual(status.current_stage.number, 3, "the last stage");
      const { time_added, time_started, time_completed } = status;
      const areInOrder = time_added <= String(time_started) && String(time_started) <= String(time_completed);
      expectThat(areInOrder, `the run's times: ${time_added}, ${time_started}, ${time_completed}`);
    },
  },
  {
    name: "a deleted run is gone; the project and its other runs stay",
    async run(service) {
      const project = await service.createProject();
      await project.uploadAll([left, right]);
      const [gone, kept] = [await project.run(0.8), await project.run(0.8)];
      for (const run of [gone, kept]) await project.waitUntilComplete(run);
      const { path, made } = project;
      const gonePath = `${path}/runs/${gone.run_id}`;
      (await service.api.delete(gonePath, made.result_token)).expect(204);
      for (const below of ["", "/status", "/result"]) {
        (await service.api.get(gonePath + below, made.result_token)).problem(403);
      }
      const list = (await service.api.get(`${path}/runs`, made.result_token)).json<Run[]>(200);
      expectEqual(
        list.map(({ run_id }) => run_id),
        [kept.run_id],
        "GET runs",
      );
      (await project.tryResult(kept)).expect(200);
    },
  },
];
