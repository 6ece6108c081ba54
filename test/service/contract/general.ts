import type { Answer } from "../client.js";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";

/** Everything outside projects: the service's own state, and what applies to all paths. */
export const general: Contract = (test, client) => {
  test("GET /status returns ok and the number of projects", async (t) => {
    await client().createProject();
    const answer = await client().get("/status");
    t.is(answer.status, 200);
    const { status, project_count, rate } = answer.json<Record<string, unknown>>();
    t.is(status, "ok");
    t.true(Number.isInteger(project_count));
    t.is(typeof rate, "number");
  });

  test("GET /status may be cached for half a minute", async (t) => {
    const read = async () => (await client().get("/status")).text;
    // The cached answer may expire once in between, but not three times within seconds.
    const isKept = [];
    for (let n = 0; n < 3; n++) {
      const before = await read();
      await client().createProject();
      isKept.push(before === (await read()));
    }
    t.true(isKept.includes(true));
  });

  test("GET /version returns three version strings", async (t) => {
    const answer = await client().get("/version");
    t.is(answer.status, 200);
    const version = answer.json<Record<string, unknown>>();
    for (const key of ["anonlink", "entityservice", "python"]) {
      t.is(typeof version[key], "string", key);
      t.not(version[key], "", key);
    }
  });

  test("paths work without /api/v1", async (t) => {
    const project = await client().createProject();
    const headers = { Authorization: project.result_token };
    const [long, short] = await Promise.all([
      client().request("GET", `/api/v1/projects/${project.project_id}`, { headers }, true),
      client().request("GET", `/projects/${project.project_id}`, { headers }, true),
    ]);
    t.is(short.status, 200);
    t.deepEqual(short.json(), long.json());
    t.is((await client().request("GET", "/status", {}, true)).status, 200);
    t.is((await client().request("GET", "/version", {}, true)).status, 200);
  });

  test("a double slash counts as one", async (t) => {
    const json = { schema: {}, result_type: "groups" };
    const made = await client().request("POST", "//projects", { json });
    t.is(made.status, 201);
    const { project_id, result_token } = made.json<{ project_id: string; result_token: string }>();
    t.is((await client().get(`//projects/${project_id}`, result_token)).status, 200);
    t.is((await client().get(`//projects/${project_id}/runs`, result_token)).status, 200);
    t.is((await client().get("//status")).status, 200);
  });

  test("an unknown path gets 404, and an unsupported method 405", async (t) => {
    isProblem(t, await client().get("/nothing"), 404);
    isProblem(t, await client().get("/projects/a/b/c/d"), 404);
    isProblem(t, await client().request("PUT", "/projects", { json: {} }), 405);
    isProblem(t, await client().request("DELETE", "/status"), 405);
  });

  test("problem documents reveal no internals", async (t) => {
    const answers = [
      await client().request("POST", "/projects", {
        body: '{"schema": {',
        headers: { "Content-Type": "application/json" },
      }),
      await client().get("/projects/%00", "token"),
      await client().get("/projects/%E0%A4%A", "token"),
      await client().get(`/projects/${"a".repeat(5000)}`, "token"),
      await client().get("/projects/'; DROP TABLE projects; --", "token"),
    ];
    for (const answer of answers) {
      t.true(answer.status >= 400 && answer.status < 500, `${answer.status}: ${answer.text}`);
      t.notRegex(answer.text, /node_modules|at .*\.[jt]s:\d|SELECT|relation|pglite|syntax error at or near/i);
    }
  });

  test("serves an OpenAPI 3.1 document with all paths", async (t) => {
    const answer = await client().get("/openapi.json");
    t.is(answer.status, 200);
    const document = answer.json<{ openapi: string; paths: Record<string, object> }>();
    t.regex(document.openapi, /^3\.1\./);
    const paths = Object.keys(document.paths).map((path) => path.replace(/\{[^}]+\}/g, "{}"));
    for (const path of [
      ...["/status", "/version", "/projects", "/projects/{}", "/projects/{}/clks", "/projects/{}/binaryclks"],
      ...["/projects/{}/authorize-external-upload", "/projects/{}/runs", "/projects/{}/runs/{}"],
      ...["/projects/{}/runs/{}/status", "/projects/{}/runs/{}/result"],
    ]) {
      t.true(paths.includes(path), path);
    }
  });

  test("/docs is an HTML page, also below /api/v1", async (t) => {
    const pages = await Promise.all([client().request("GET", "/docs", {}, true), client().get("/docs")]);
    for (const page of pages) {
      t.is(page.status, 200);
      t.regex(page.headers.get("content-type")!, /^text\/html/);
    }
  });

  test("/healthz and /readyz return 200", async (t) => {
    t.is((await client().request("GET", "/healthz", {}, true)).status, 200);
    await client().until("an answer that it is ready", 120_000, async () => {
      const { status } = await client().request("GET", "/readyz", {}, true);
      return status === 200 || undefined; // 503 if a store answers too late on a busy machine
    });
  });

  test("/metrics returns Prometheus metrics", async (t) => {
    await client().createProject();
    const { status, headers, text } = await client().request("GET", "/metrics", {}, true);
    t.is(status, 200);
    t.regex(headers.get("content-type")!, /^text\/plain/);
    for (const word of ["request", "upload", "rows", "run", "comparison", "queue", "event_?loop"]) {
      t.regex(text, new RegExp(`^# TYPE \\S*${word}`, "m"), word);
    }
    t.notRegex(text, /[0-9a-f]{48}/, "neither ids nor tokens");
  });

  test("responses have security headers and a request id", async (t) => {
    const answers: Answer[] = [await client().get("/projects"), await client().get("/projects/none", "none")];
    for (const { headers } of answers) {
      t.is(headers.get("x-content-type-options"), "nosniff");
      t.is(headers.get("x-powered-by"), null);
      t.truthy(headers.get("x-request-id"));
    }
    t.not(answers[0]!.headers.get("x-request-id"), answers[1]!.headers.get("x-request-id"));
  });

  test("CORS is disabled by default", async (t) => {
    const { headers } = await client().get("/projects", undefined, { Origin: "https://elsewhere.example" });
    t.is(headers.get("access-control-allow-origin"), null);
  });
};
