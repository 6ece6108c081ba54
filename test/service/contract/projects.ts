import type { NewProject } from "../client.js";
import { base64Rows, randomRows } from "../data.js";
import type { Contract } from "../test-service.js";
import { CODE, isProblem, isRecentTime } from "./assertions.js";

const UNKNOWN = "0123456789abcdef".repeat(3);

/** Creating, describing, listing and deleting projects. */
export const projects: Contract = (test, client, kind) => {
  test("POST /projects returns an id, a token for each party and a result token", async (t) => {
    const answer = await client().post("/projects", { schema: {}, result_type: "groups" });
    t.is(answer.status, 201);
    const project = answer.json<NewProject>();
    t.deepEqual(Object.keys(project).sort(), ["project_id", "result_token", "update_tokens"]);
    t.is(project.update_tokens.length, 2);
    const codes = [project.project_id, project.result_token, ...project.update_tokens];
    for (const code of codes) t.regex(code, CODE);
    t.is(new Set(codes).size, 4);
  });

  test("a new project has empty name and notes, two parties, no blocks, no uploads and no error", async (t) => {
    const project = await client().createProject({ result_type: "permutations" });
    t.deepEqual(await client().describe(project), {
      project_id: project.project_id,
      result_type: "permutations",
      schema: {},
      name: "",
      notes: "",
      number_parties: 2,
      parties_contributed: 0,
      error: false,
      uses_blocking: false,
    });
  });

  test("a project is described as it was created", async (t) => {
    const asked = {
      schema: { clkConfig: { l: 1024, note: "«ä»\n" }, features: [{ a: [1, null, 2.5] }] },
      result_type: "groups",
      number_parties: 3,
      name: "  a näme, 🙂  ",
      notes: "notes\nof two lines",
      uses_blocking: true,
    } as const;
    const project = await client().createProject(asked);
    t.like(await client().describe(project), asked);
  });

  for (const [result_type, number_parties] of [
    ["groups", 2],
    ["groups", 3],
    ["groups", 5],
    ["permutations", 2],
    ["similarity_scores", 2],
  ] as const) {
    test(`a project of ${number_parties} parties may have the result type ${result_type}`, async (t) => {
      const project = await client().createProject({ result_type, number_parties });
      t.is(project.update_tokens.length, number_parties);
      t.like(await client().describe(project), { result_type, number_parties });
    });
  }

  const valid = { schema: {}, result_type: "groups" };
  for (const [what, json] of [
    ["three parties and permutations", { ...valid, result_type: "permutations", number_parties: 3 }],
    [
      "three parties and similarity scores",
      { ...valid, result_type: "similarity_scores", number_parties: 3 },
    ],
    ["one party", { ...valid, number_parties: 1 }],
    ["no party", { ...valid, number_parties: 0 }],
    ["-2 parties", { ...valid, number_parties: -2 }],
    ["2.5 parties", { ...valid, number_parties: 2.5 }],
    ["a number of parties that is a string", { ...valid, number_parties: "two" }],
    ["a billion parties", { ...valid, number_parties: 1_000_000_000 }],
    ["no schema", { result_type: "groups" }],
    ["a schema that is a string", { ...valid, schema: "schema" }],
    ["a schema that is an array", { ...valid, schema: [] }],
    ["a schema that is null", { ...valid, schema: null }],
    ["no result type", { schema: {} }],
    ["an unknown result type", { ...valid, result_type: "mapping" }],
    ["a name that is a number", { ...valid, name: 1 }],
    ["uses_blocking that is a string", { ...valid, uses_blocking: "yes" }],
    ["an array as body", []],
    ["null as body", null],
    ["a number as body", 1],
  ] as const) {
    test(`a project with ${what} gets 400`, async (t) => {
      isProblem(t, await client().post("/projects", json), 400);
    });
  }

  test("a project of invalid JSON gets 400, and one of another content type 400 or 415", async (t) => {
    const post = (body: string, type: string) =>
      client().request("POST", "/projects", { body, headers: { "Content-Type": type } });
    isProblem(t, await post('{"schema": {}, ', "application/json"), 400);
    isProblem(t, await post("", "application/json"), 400);
    const other = await post(JSON.stringify(valid), "text/plain");
    t.true([400, 415].includes(other.status), other.text);
  });

  test("characters that databases do not support are accepted or get 400", async (t) => {
    for (const json of [
      { ...valid, name: "a\u0000b" },
      { ...valid, schema: { "a\u0000b": "\u0000" } },
      { ...valid, notes: "\ud800" },
    ]) {
      const { status, text } = await client().post("/projects", json);
      t.true(status === 201 || status === 400, `${status}: ${text}`);
    }
  });

  test("creating a project requires no token and ignores one", async (t) => {
    t.is((await client().post("/projects", valid, "invalid")).status, 201);
  });

  test("GET /projects lists ids and times of all projects and requires no token", async (t) => {
    const project = await client().createProject();
    const answer = await client().get("/projects");
    t.is(answer.status, 200);
    const list = answer.json<{ project_id: string; time_added: string }[]>();
    const found = list.filter(({ project_id }) => project_id === project.project_id);
    t.is(found.length, 1);
    t.deepEqual(Object.keys(found[0]!).sort(), ["project_id", "time_added"]);
    isRecentTime(t, found[0]!.time_added);
    for (const { project_id } of list) t.regex(project_id, CODE);
  });

  for (const method of ["GET", "DELETE"] as const) {
    test(`${method} of a project without a token gets 400`, async (t) => {
      const { project_id } = await client().createProject();
      isProblem(t, await client().request(method, `/projects/${project_id}`), 400);
    });

    test(`${method} of a project with a wrong token gets 403`, async (t) => {
      const [project, other] = [await client().createProject(), await client().createProject()];
      for (const token of ["invalid", project.update_tokens[0]!, other.result_token, UNKNOWN]) {
        isProblem(t, await client().request(method, `/projects/${project.project_id}`, { token }), 403);
      }
      t.is((await client().describe(project)).error, false);
    });

    test(`${method} of an unknown project gets 403, as with a wrong token`, async (t) => {
      const { result_token: token } = await client().createProject();
      for (const id of [UNKNOWN, "fakeprojectid", `${UNKNOWN}0`]) {
        isProblem(t, await client().request(method, `/projects/${id}`, { token }), 403);
      }
    });
  }

  test("a receipt token reads a project only if its result type is permutations", async (t) => {
    for (const [result_type, status] of [
      ["permutations", 200],
      ["groups", 403],
      ["similarity_scores", 403],
    ] as const) {
      const project = await client().createProject({ result_type });
      const { receipt_token } = await client().upload(project, 0, { clks: base64Rows(randomRows(1, 3)) });
      t.is(
        (await client().get(`/projects/${project.project_id}`, receipt_token)).status,
        status,
        result_type,
      );
      isProblem(t, await client().delete(`/projects/${project.project_id}`, receipt_token), 403);
    }
  });

  test("counts the parties that have contributed", async (t) => {
    const project = await client().createProject({ number_parties: 3 });
    const { project_id } = project;
    for (const [count, party] of [1, 2, 0].entries()) {
      t.like(await client().describe(project), { project_id, parties_contributed: count, number_parties: 3 });
      await client().upload(project, party, { clks: base64Rows(randomRows(party, 3)) });
    }
    t.is((await client().describe(project)).parties_contributed, 3);
  });

  test("a deleted project is inaccessible at once", async (t) => {
    const project = await client().createProject();
    const path = `/projects/${project.project_id}`;
    const { run_id } = await client().run(project);
    const { receipt_token } = await client().upload(project, 0, { clks: base64Rows(randomRows(1, 3)) });
    const answer = await client().delete(path, project.result_token);
    t.is(answer.status, 204);
    t.is(answer.text, "");
    const { result_token: token, update_tokens } = project;
    isProblem(t, await client().get(path, token), 403);
    isProblem(t, await client().get(path, receipt_token), 403);
    isProblem(t, await client().get(`${path}/runs`, token), 403);
    isProblem(t, await client().post(`${path}/runs`, { threshold: 0.9 }, token), 403);
    isProblem(t, await client().get(`${path}/runs/${run_id}`, token), 403);
    isProblem(t, await client().get(`${path}/runs/${run_id}/status`, token), 403);
    isProblem(t, await client().get(`${path}/runs/${run_id}/result`, token), 403);
    isProblem(t, await client().delete(`${path}/runs/${run_id}`, token), 403);
    isProblem(t, await client().tryUpload(project, 1, { clks: base64Rows(randomRows(2, 3)) }), 403);
    if (kind !== "embedded") {
      isProblem(t, await client().get(`${path}/authorize-external-upload`, update_tokens[1]), 403);
    }
    isProblem(t, await client().delete(path, token), 403);
    const list = (await client().get("/projects")).json<{ project_id: string }[]>();
    t.false(list.some(({ project_id }) => project_id === project.project_id));
  });
};
