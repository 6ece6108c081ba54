import type { NewProject, RunDescription, RunStatus } from "../client.js";
import { base64Rows, overlappingRows, type Rows, randomRows } from "../data.js";
import type { Contract } from "../test-service.js";
import { CODE, isProblem, isRecentTime } from "./assertions.js";

const clks = base64Rows(randomRows(3, 12));
const [left, right] = overlappingRows(4, [60, 70]) as [Rows, Rows];
const UNKNOWN = "0123456789abcdef".repeat(3);
const STATES = ["created", "queued", "running", "completed"];

/** Starting, monitoring and deleting runs. */
export const runs: Contract = (test, client) => {
  const upload = async (project: NewProject, parties: readonly Rows[] = [left, right]) => {
    for (const [party, { bytes, byteLength }] of parties.entries()) {
      await client().binaryUpload(project, party, bytes, byteLength);
    }
  };
  const runsOf = ({ project_id }: NewProject) => `/projects/${project_id}/runs`;

  test("POST runs returns the run as requested", async (t) => {
    const project = await client().createProject();
    const asked = { threshold: 0.875, name: "ein Lauf ✓", notes: "of notes" };
    const answer = await client().post(runsOf(project), asked, project.result_token);
    t.is(answer.status, 201);
    const { run_id, ...rest } = answer.json<RunDescription>();
    t.regex(run_id, CODE);
    t.deepEqual(rest, asked);
    const described = await client().get(`${runsOf(project)}/${run_id}`, project.result_token);
    t.is(described.status, 200);
    t.deepEqual(described.json(), { run_id, ...asked });
  });

  test("a run's name and notes are empty by default", async (t) => {
    const project = await client().createProject();
    t.like(await client().run(project), { threshold: 0.9, name: "", notes: "" });
  });

  for (const [what, json] of [
    ["no threshold", {}],
    ["a threshold of 0", { threshold: 0 }],
    ["a negative threshold", { threshold: -0.5 }],
    ["a threshold above 1", { threshold: 1.0000001 }],
    ["a threshold that is a string", { threshold: "0.9" }],
    ["a threshold of null", { threshold: null }],
    ["an array of thresholds", { threshold: [0.9] }],
    ["a name that is a number", { threshold: 0.9, name: 5 }],
    ["an array as body", [0.9]],
    ["null as body", null],
  ] as const) {
    test(`a run with ${what} gets 400`, async (t) => {
      const project = await client().createProject();
      isProblem(t, await client().post(runsOf(project), json, project.result_token), 400);
      t.deepEqual((await client().get(runsOf(project), project.result_token)).json(), []);
    });
  }

  test("accepts thresholds from the smallest positive number to 1", async (t) => {
    const project = await client().createProject();
    t.is((await client().run(project, 1)).threshold, 1);
    t.is((await client().run(project, Number.MIN_VALUE)).threshold, Number.MIN_VALUE);
  });

  test("runs require the result token of their project", async (t) => {
    const [project, other] = [await client().createProject(), await client().createProject()];
    const { receipt_token } = await client().upload(project, 0, { clks });
    const run = await client().run(project);
    const calls: ((token?: string) => Promise<{ status: number; text: string }>)[] = [
      (token) => client().post(runsOf(project), { threshold: 0.9 }, token),
      (token) => client().get(runsOf(project), token),
      (token) => client().get(`${runsOf(project)}/${run.run_id}`, token),
      (token) => client().get(`${runsOf(project)}/${run.run_id}/status`, token),
      (token) => client().get(`${runsOf(project)}/${run.run_id}/result`, token),
      (token) => client().delete(`${runsOf(project)}/${run.run_id}`, token),
    ];
    for (const [index, call] of calls.entries()) {
      t.is((await call(undefined)).status, 400, `${index}: no token`);
      for (const token of ["invalid", project.update_tokens[0], other.result_token, UNKNOWN]) {
        t.is((await call(token)).status, 403, `${index}: a wrong token`);
      }
      // Beyond the original, a receipt token may read the states of runs.
      if (index !== 1 && index !== 3)
        t.is((await call(receipt_token)).status, 403, `${index}: a receipt token`);
    }
    t.is((await client().runStatus(project, run.run_id)).state, "created");
  });

  test("an unknown run, or one of another project, gets 403", async (t) => {
    const [project, other] = [await client().createProject(), await client().createProject()];
    const { run_id } = await client().run(other);
    for (const id of [UNKNOWN, "none", run_id]) {
      for (const path of ["", "/status", "/result"]) {
        isProblem(t, await client().get(`${runsOf(project)}/${id}${path}`, project.result_token), 403);
      }
      isProblem(t, await client().delete(`${runsOf(project)}/${id}`, project.result_token), 403);
    }
    isProblem(t, await client().get(`/projects/${UNKNOWN}/runs`, project.result_token), 403);
    isProblem(t, await client().post(`/projects/none/runs`, { threshold: 0.9 }, project.result_token), 403);
    t.is((await client().runStatus(other, run_id)).state, "created");
  });

  test("runs are listed oldest first, with their times and states", async (t) => {
    const project = await client().createProject();
    const list = async () => {
      const answer = await client().get(runsOf(project), project.result_token);
      t.is(answer.status, 200);
      return answer.json<{ run_id: string; time_added: string; state: string }[]>();
    };
    t.deepEqual(await list(), []);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      ids.push((await client().run(project)).run_id);
      const found = await list();
      t.deepEqual(
        found.map(({ run_id }) => run_id),
        ids,
      );
      for (const run of found) {
        t.deepEqual(Object.keys(run).sort(), ["run_id", "state", "time_added"]);
        t.is(run.state, "created");
        isRecentTime(t, run.time_added);
      }
    }
  });

  test("a run created before the uploads waits for them and counts parties", async (t) => {
    const project = await client().createProject();
    const { run_id } = await client().run(project);
    const waiting = async (absolute: number) => {
      const status = await client().runStatus(project, run_id);
      t.like(status, {
        state: "created",
        stages: 3,
        current_stage: {
          number: 1,
          description: "waiting for CLKs",
          progress: {
            absolute,
            relative: absolute / 2,
            description: "number of parties already contributed",
          },
        },
      });
      isRecentTime(t, status.time_added);
      t.falsy(status.time_started);
      t.falsy(status.time_completed);
    };
    await waiting(0);
    await client().upload(project, 1, { clks });
    await waiting(1);
    await client().upload(project, 0, { clks });
    await client().waitUntilComplete(project, run_id);
  });

  for (const [result_type, stages] of [
    ["groups", 3],
    ["permutations", 3],
    ["similarity_scores", 2],
  ] as const) {
    test(`a run for ${result_type} has ${stages} stages and ends in the last one`, async (t) => {
      const project = await client().createProject({ result_type });
      await upload(project);
      const { run_id } = await client().run(project, 0.8);
      const status = await client().waitUntilComplete(project, run_id);
      t.like(status, { state: "completed", stages, total_number_comparisons: 60 * 70 });
      t.is(status.current_stage.number, stages);
      t.is(status.current_stage.description, stages === 2 ? "compute similarity scores" : "compute output");
      for (const time of [status.time_added, status.time_started, status.time_completed])
        isRecentTime(t, time);
      t.true(status.time_added <= status.time_started!);
      t.true(status.time_started! <= status.time_completed!);
      t.is(status.message, undefined);
      const list = await client().get(runsOf(project), project.result_token);
      t.like(list.json<object[]>()[0]!, { run_id, state: "completed" });
    });
  }

  test("a run only moves forward, and its progress is at most 1", async (t) => {
    const project = await client().createProject();
    const parties = overlappingRows(5, [1500, 1500], 128);
    await upload(project, parties);
    const { run_id } = await client().run(project, 0.75);
    let last: RunStatus | undefined;
    await client().until("the end of the run", 120_000, async () => {
      const status = await client().runStatus(project, run_id);
      const { number, progress } = status.current_stage;
      t.true(STATES.includes(status.state), status.state);
      t.is(status.stages, 3);
      if (progress !== undefined) {
        t.true(progress.relative >= 0 && progress.relative <= 1, String(progress.relative));
        t.true(Number.isInteger(progress.absolute));
        if (number === 2) t.is(progress.description, "number of already computed similarity scores");
      }
      if (last !== undefined) {
        t.true(STATES.indexOf(status.state) >= STATES.indexOf(last.state), `${last.state} → ${status.state}`);
        t.true(number >= last.current_stage.number);
        const before = last.current_stage;
        if (number === before.number && progress !== undefined && before.progress !== undefined) {
          t.true(progress.absolute >= before.progress.absolute);
        }
      }
      last = status;
      return status.state === "completed" ? true : undefined;
    });
  });

  test("a receipt token reads the status of runs of permutations", async (t) => {
    const project = await client().createProject({ result_type: "permutations" });
    const receipts = [];
    for (const party of [0, 1]) receipts.push(await client().upload(project, party, { clks }));
    const { run_id } = await client().run(project);
    await client().waitUntilComplete(project, run_id);
    for (const { receipt_token } of receipts) {
      t.is((await client().runStatus(project, run_id, receipt_token)).state, "completed");
    }
  });

  test("beyond the original, a receipt token reads the states of runs of its own project only", async (t) => {
    const [project, other] = [await client().createProject(), await client().createProject()];
    const { receipt_token } = await client().upload(project, 0, { clks });
    const { run_id } = await client().run(project);
    t.is((await client().runStatus(project, run_id, receipt_token)).state, "created");
    const foreign = await client().run(other);
    isProblem(t, await client().get(`${runsOf(other)}/${foreign.run_id}/status`, receipt_token), 403);
  });

  test("several runs of a project each have their own threshold and result", async (t) => {
    const project = await client().createProject({ result_type: "similarity_scores" });
    await upload(project);
    const thresholds = [0.95, 0.6, 0.8, 0.8];
    const started = await Promise.all(thresholds.map((threshold) => client().run(project, threshold)));
    const counts: number[] = [];
    for (const { run_id } of started) {
      await client().waitUntilComplete(project, run_id);
      const { similarity_scores } = await client().result<{
        similarity_scores: [unknown, unknown, number][];
      }>(project, run_id);
      const threshold = thresholds[counts.length]!;
      t.true(similarity_scores.every(([, , score]) => score >= threshold));
      counts.push(similarity_scores.length);
    }
    t.true(counts[0]! <= counts[2]! && counts[2]! <= counts[1]!);
    t.is(counts[2], counts[3]);
  });

  test("deleting a run keeps the project and its other runs", async (t) => {
    const project = await client().createProject();
    await upload(project);
    const [gone, kept] = [await client().run(project, 0.8), await client().run(project, 0.8)];
    for (const { run_id } of [gone, kept]) await client().waitUntilComplete(project, run_id);
    const path = `${runsOf(project)}/${gone.run_id}`;
    const answer = await client().delete(path, project.result_token);
    t.is(answer.status, 204);
    t.is(answer.text, "");
    for (const below of ["", "/status", "/result"]) {
      isProblem(t, await client().get(`${path}${below}`, project.result_token), 403);
    }
    isProblem(t, await client().delete(path, project.result_token), 403);
    const list = (await client().get(runsOf(project), project.result_token)).json<{ run_id: string }[]>();
    t.deepEqual(
      list.map(({ run_id }) => run_id),
      [kept.run_id],
    );
    t.is((await client().tryResult(project, kept.run_id)).status, 200);
    t.is((await client().describe(project)).parties_contributed, 2);
  });

  test("a run can be deleted while waiting or running, and another one can follow", async (t) => {
    const project = await client().createProject();
    const waiting = await client().run(project);
    t.is((await client().delete(`${runsOf(project)}/${waiting.run_id}`, project.result_token)).status, 204);
    await upload(project, overlappingRows(6, [1500, 1500], 128));
    const running = await client().run(project, 0.5);
    await client().until("a run that runs", 120_000, async () =>
      ["running", "completed"].includes((await client().runStatus(project, running.run_id)).state)
        ? true
        : undefined,
    );
    t.is((await client().delete(`${runsOf(project)}/${running.run_id}`, project.result_token)).status, 204);
    isProblem(t, await client().get(`${runsOf(project)}/${running.run_id}`, project.result_token), 403);
    await client().complete(project, 0.9);
    const list = (await client().get(runsOf(project), project.result_token)).json<unknown[]>();
    t.is(list.length, 1);
  });

  test("starting a run in a project with a failed upload gets 500", async (t) => {
    const project = await client().createProject();
    await client().tryBinaryUpload(project, 0, new Uint8Array(63), 64, { headers: { "Hash-Count": "1" } });
    t.true((await client().describe(project)).error);
    isProblem(t, await client().post(runsOf(project), { threshold: 0.9 }, project.result_token), 500);
    t.deepEqual((await client().get(runsOf(project), project.result_token)).json(), []);
  });
};
