import { base64Rows, randomRows } from "../data.js";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";

const clksOf = (byteLength: number, seed = 1) => base64Rows(randomRows(seed, 5, byteLength));

/** JSON with encodings of a wrong size is accepted, and fails later; binary uploads are refused at once. */
export const encodingSizes: Contract = (test, client) => {
  for (const byteLength of [4, 20, 4096]) {
    test(`JSON rows of ${byteLength} bytes get 201, then put the project and its runs in error`, async (t) => {
      const project = await client().createProject();
      const { run_id } = await client().run(project);
      for (const party of [0, 1]) await client().upload(project, party, { clks: clksOf(byteLength) });
      await client().waitForProjectError(project);
      const status = await client().waitForRun(project, run_id);
      t.is(status.state, "error");
      t.regex(status.message!, /size|bytes/i, "says why");
      const result = await client().tryResult(project, run_id);
      isProblem(t, result, 500);
      const start = client().post(
        `/projects/${project.project_id}/runs`,
        { threshold: 0.9 },
        project.result_token,
      );
      isProblem(t, await start, 500);
    });

    test(`JSON rows of ${byteLength} bytes in one of two uploads cause an error at once`, async (t) => {
      const project = await client().createProject();
      const { run_id } = await client().run(project);
      await client().upload(project, 0, { clks: clksOf(byteLength) });
      await client().waitForProjectError(project);
      const status = await client().waitForRun(project, run_id);
      t.is(status.state, "error");
      t.regex(status.message!, /size|bytes/i, "says why");
    });
  }

  for (const kind of ["JSON", "binary"] as const) {
    test(`${kind}, then JSON of another size: 201, then an error with a reason`, async (t) => {
      const project = await client().createProject();
      const { run_id } = await client().run(project);
      if (kind === "JSON") await client().upload(project, 0, { clks: clksOf(64) });
      else await client().binaryUpload(project, 0, randomRows(1, 5, 64).bytes, 64);
      await client().upload(project, 1, { clks: clksOf(128) });
      await client().waitForProjectError(project);
      const status = await client().waitForRun(project, run_id);
      t.is(status.state, "error");
      t.regex(status.message!, /size|bytes/i);
      isProblem(t, await client().tryResult(project, run_id), 500);
    });
  }

  test("JSON, then binary of another size: 400, or an error in the project", async (t) => {
    const project = await client().createProject();
    await client().upload(project, 0, { clks: clksOf(64) });
    const answer = await client().tryBinaryUpload(project, 1, randomRows(1, 5, 128).bytes, 128);
    t.true([201, 400].includes(answer.status), answer.text);
    await client().waitForProjectError(project);
  });

  test("JSON rows that contradict the schema's size: 201, then an error", async (t) => {
    const project = await client().createProject({ schema: { clkConfig: { l: 1024 } } });
    const { run_id } = await client().run(project);
    await client().upload(project, 0, { clks: clksOf(64) });
    await client().waitForProjectError(project);
    const status = await client().waitForRun(project, run_id);
    t.is(status.state, "error");
    t.regex(status.message!, /size|bytes/i);
  });

  test("binary rows that contradict the schema's size are rejected at once", async (t) => {
    const project = await client().createProject({ schema: { clkConfig: { l: 1024 } } });
    isProblem(t, await client().tryBinaryUpload(project, 0, randomRows(1, 5, 64).bytes, 64), 400);
    t.is((await client().tryBinaryUpload(project, 0, randomRows(1, 5, 128).bytes, 128)).status, 201);
  });

  test("a party whose rows had an unsupported size can retry", async (t) => {
    const project = await client().createProject();
    await client().upload(project, 0, { clks: clksOf(20) });
    await client().waitForProjectError(project);
    const again = await client().tryUpload(project, 0, { clks: clksOf(64) });
    t.is(again.status, 201, again.text);
    await client().until("no error", 120_000, async () =>
      (await client().describe(project)).error ? undefined : true,
    );
    await client().upload(project, 1, { clks: clksOf(64) });
    const { groups } = await client().complete<{ groups: unknown[] }>(project, 1);
    t.is(groups.length, 5);
  });

  test("rows of different sizes in one upload get 400, or an error in the project", async (t) => {
    const project = await client().createProject();
    const answer = await client().tryUpload(project, 0, { clks: [...clksOf(64), ...clksOf(128)] });
    if (answer.status === 201) await client().waitForProjectError(project);
    else isProblem(t, answer, 400);
    t.pass();
  });
};
