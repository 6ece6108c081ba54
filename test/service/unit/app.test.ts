// How the service handles requests, independent of its stores.
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { ServiceError } from "../../../src/linkage/errors.js";
import type { Project } from "../../../src/linkage/project.js";
import { randomCode } from "../../../src/linkage/random-code.js";
import { startFakeService } from "./fake-parts.js";

const project: Project = {
  projectId: randomCode(),
  resultToken: randomCode(),
  resultType: "groups",
  schema: {},
  name: "",
  notes: "",
  partyCount: 2,
  usesBlocking: false,
  timeAdded: new Date("2024-02-29T12:34:56.789Z"),
  encodingSize: undefined,
};

const database = {
  findProject: async (id: string) => (id === project.projectId ? project : undefined),
  listDataproviders: async () => [],
  listProjects: async () => [project],
};

test("routes every spelling of a path, and rejects unknown paths and methods", async (t) => {
  const service = await startFakeService({ database });
  t.teardown(() => service.close());
  for (const path of [
    "/projects",
    "/api/v1/projects",
    "/api/v1//projects",
    "//api//v1//projects",
    "/projects/",
  ]) {
    const answer = await fetch(service.url + path);
    t.is(answer.status, 200, path);
    t.deepEqual(await answer.json(), [
      { project_id: project.projectId, time_added: "2024-02-29T12:34:56.789000" },
    ]);
  }
  for (const [method, path, status] of [
    ["GET", "/", 404],
    ["GET", "/api/v1", 404],
    ["GET", "/api/v2/projects", 404],
    ["GET", "/api/v1/api/v1/projects", 404],
    ["POST", "/nothing", 404],
    ["DELETE", "/projects", 405],
    ["PUT", `/projects/${project.projectId}`, 405],
    ["PROPFIND", "/projects", 405],
  ] as const) {
    const answer = await fetch(service.url + path, { method });
    t.is(answer.status, status, `${method} ${path}`);
    t.is(answer.headers.get("content-type"), "application/problem+json");
    t.like(await answer.json(), { type: "about:blank", status });
    if (status === 405) t.truthy(answer.headers.get("allow"));
  }
});

test("keeps a valid request id or generates one, and logs each request once without secrets", async (t) => {
  const service = await startFakeService({ database }, { loggedHeaders: ["user-agent", "x-missing"] });
  t.teardown(() => service.close());
  const token = randomCode();
  const get = (path: string, id: string) =>
    fetch(service.url + path, {
      headers: { "X-Request-Id": id, Authorization: token, "User-Agent": "tester" },
    });
  const sane = await get(`/projects/${project.projectId}?token=${token}`, "from-the-proxy.1");
  t.is(sane.headers.get("x-request-id"), "from-the-proxy.1");
  const insane = await get(`/projects/${token}`, '{"a": 1}');
  t.regex(insane.headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
  await fetch(`${service.url}/projects/${project.projectId}`, {
    headers: { Authorization: project.resultToken },
  });
  await pause(20);
  t.is(service.log.length, 3);
  t.like(service.log[0]!, {
    requestId: "from-the-proxy.1",
    method: "GET",
    call: "describeProject",
    status: 403,
    headers: { "user-agent": "tester" },
    msg: "request",
  });
  t.is(service.log[0]!["projectId"], undefined);
  t.is(service.log[2]!["projectId"], project.projectId);
  const text = JSON.stringify(service.log);
  t.false(text.includes(token));
  t.false(text.includes(project.resultToken));
});

test("hides failures from clients, and logs driver messages without their details", async (t) => {
  const failure = Object.assign(new Error("relation missing"), {
    code: "42P01",
    detail: "Key (token)=(secret)",
  });
  const service = await startFakeService({ database: { listProjects: () => Promise.reject(failure) } });
  t.teardown(() => service.close());
  const answer = await fetch(`${service.url}/projects`);
  t.is(answer.status, 500);
  t.notRegex(await answer.text(), /relation|42P01|secret/);
  await pause(20);
  const text = JSON.stringify(service.log);
  t.regex(text, /relation missing/);
  t.notRegex(text, /secret/);
});

test("responds with 503 if a store is unreachable", async (t) => {
  const lost = new Error("gave up", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
  const service = await startFakeService({ database: { listProjects: () => Promise.reject(lost) } });
  t.teardown(() => service.close());
  const answer = await fetch(`${service.url}/projects`);
  t.is(answer.status, 503);
  t.truthy(answer.headers.get("retry-after"));
  t.like(await answer.json(), { title: "Service Unavailable", status: 503 });
});

test("rejects small bodies that are missing, invalid, too large or of another type", async (t) => {
  const added: unknown[] = [];
  const service = await startFakeService({ database: { addProject: async (made) => void added.push(made) } });
  t.teardown(() => service.close());
  const post = async (body: string | undefined, type = "application/json") => {
    const answer = await fetch(`${service.url}/projects`, {
      method: "POST",
      headers: { "Content-Type": type },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const valid = { schema: {}, result_type: "groups" };
  t.is((await post(JSON.stringify(valid))).status, 201);
  t.is((await post(JSON.stringify(valid), "application/json; charset=utf-8")).status, 201);
  t.is((await post(JSON.stringify({ ...valid, more: 1 }))).status, 201);
  t.is((await post(undefined)).status, 400);
  t.is((await post("")).status, 400);
  t.is((await post("null")).status, 400);
  t.is((await post(JSON.stringify(valid), "text/plain")).status, 415);
  t.is((await post(JSON.stringify({ ...valid, notes: "a".repeat(5000) }))).status, 413);
  const broken = await post('{"schema": "hidden words');
  t.is(broken.status, 400);
  t.notRegex(broken.text, /hidden/);
  const wrong = await post(JSON.stringify({ ...valid, result_type: "hidden words" }));
  t.is(wrong.status, 400);
  t.regex(wrong.text, /result_type.*groups/);
  t.notRegex(wrong.text, /hidden/);
  t.is(added.length, 3);
});

test("checks for a missing token before anything else", async (t) => {
  const service = await startFakeService();
  t.teardown(() => service.close());
  for (const [method, path] of [
    ["GET", ""],
    ["DELETE", ""],
    ["GET", "/runs"],
    ["POST", "/runs"],
    ["POST", "/clks"],
    ["POST", "/binaryclks"],
    ["GET", "/authorize-external-upload"],
    ["GET", "/runs/x/status"],
    ["GET", "/runs/x/result"],
  ] as const) {
    const answer = await fetch(`${service.url}/projects/unknown${path}`, { method });
    t.is(answer.status, 400, path);
    t.regex(((await answer.json()) as { detail: string }).detail, /^The header Authorization is required\.$/);
  }
});

test("a disabled feature gets 500 with the title Feature Disabled", async (t) => {
  const service = await startFakeService({ database });
  t.teardown(() => service.close());
  const answer = await fetch(`${service.url}/projects/${project.projectId}/authorize-external-upload`, {
    headers: { Authorization: "any" },
  });
  t.is(answer.status, 500);
  t.like(await answer.json(), { title: "Feature Disabled" });
});

test("is ready only if all stores are, and always alive", async (t) => {
  let isThere = false;
  const check = async () => {
    if (!isThere) throw new Error("not there");
  };
  const fine = { check: async () => {} };
  const service = await startFakeService({ database: { check }, cache: fine, objects: fine, tasks: fine });
  t.teardown(() => service.close());
  t.is((await fetch(`${service.url}/healthz`)).status, 200);
  const waiting = await fetch(`${service.url}/readyz`);
  t.is(waiting.status, 503);
  t.deepEqual(await waiting.json(), {
    status: "waiting",
    stores: { database: false, cache: true, objects: true, tasks: true },
  });
  isThere = true;
  await pause(1100); // an answer is kept for a second
  const ready = await fetch(`${service.url}/readyz`);
  t.is(ready.status, 200);
  t.like(await ready.json(), { status: "ok" });
});

test("caches the status for a while, but not a failure", async (t) => {
  let count = 0;
  let fails = true;
  const fine = { check: async () => {} };
  const service = await startFakeService({
    database: {
      ...fine,
      countProjects: async () => {
        if (fails) throw new ServiceError("store-failed", "The database does not answer.");
        return ++count;
      },
      findComparisonRate: async () => undefined,
    },
    cache: fine,
  });
  t.teardown(() => service.close());
  t.is((await fetch(`${service.url}/status`)).status, 500);
  fails = false;
  for (let n = 0; n < 3; n++) {
    const answer = await fetch(`${service.url}/status`);
    t.deepEqual(await answer.json(), { status: "ok", project_count: 1, rate: 1 });
  }
});

test("allows cross-origin calls only from the configured origins", async (t) => {
  const service = await startFakeService({ database }, { corsOrigins: ["https://a.example"] });
  t.teardown(() => service.close());
  const preflight = (origin: string) =>
    fetch(`${service.url}/projects`, {
      method: "OPTIONS",
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
      },
    });
  const allowed = await preflight("https://a.example");
  t.is(allowed.headers.get("access-control-allow-origin"), "https://a.example");
  t.regex(allowed.headers.get("access-control-allow-headers")!, /Authorization/);
  t.is((await preflight("https://b.example")).headers.get("access-control-allow-origin"), null);
});

test("serves the OpenAPI document and a page without scripts", async (t) => {
  const service = await startFakeService();
  t.teardown(() => service.close());
  const document = (await (await fetch(`${service.url}/api/v1/openapi.json`)).json()) as { openapi: string };
  t.is(document.openapi, "3.1.0");
  const answer = await fetch(`${service.url}/docs`);
  t.is(answer.headers.get("content-type"), "text/html; charset=utf-8");
  t.regex(answer.headers.get("content-security-policy")!, /default-src 'none'/);
  const page = await answer.text();
  for (const text of ["/projects/{project_id}/clks", "Hash-Count", 'id="schema-NewProject"']) {
    t.true(page.includes(text), text);
  }
  t.notRegex(page, /<script|https?:\/\//);
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) t.true(page.includes(`id="${id}"`), id);
});

test("counts requests by call without exposing ids", async (t) => {
  const service = await startFakeService({
    database: {
      ...database,
      countRuns: async () => ({ created: 1, queued: 0, running: 2, completed: 3, error: 0 }),
      countProjects: async () => 4,
      measureRuns: async () => ({ comparisons: 500, seconds: 1 }),
    },
    tasks: { depth: async () => 7 },
  });
  t.teardown(() => service.close());
  await fetch(`${service.url}/projects/${project.projectId}`, { headers: { Authorization: "wrong" } });
  await fetch(`${service.url}/${randomCode()}`);
  await pause(20);
  const text = await (await fetch(`${service.url}/metrics`)).text();
  for (const line of [
    'anonlink_requests_total{call="describeProject",status="403"} 1',
    'anonlink_requests_total{call="none",status="404"} 1',
    'anonlink_runs{state="running"} 2',
    "anonlink_projects 4",
    "anonlink_comparisons 500",
    "anonlink_queue_depth 7",
  ]) {
    t.true(text.includes(`${line}\n`), line);
  }
  t.regex(text, /nodejs_eventloop_lag/);
  t.notRegex(text, /[0-9a-f]{48}/);
});

test("closing finishes requests in progress and accepts no more", async (t) => {
  let answer: (() => void) | undefined;
  const service = await startFakeService({
    database: { listProjects: () => new Promise((resolve) => (answer = () => resolve([]))) },
  });
  const pending = fetch(`${service.url}/projects`);
  while (answer === undefined) await pause(5);
  const closed = service.close();
  await pause(20);
  await t.throwsAsync(fetch(`${service.url}/healthz`));
  answer();
  t.is((await pending).status, 200);
  await closed;
});

test("a rejected client that expects 100-continue is not asked for its body", async (t) => {
  const service = await startFakeService({ database });
  t.teardown(() => service.close());
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${service.url}/projects/${project.projectId}/runs`, {
      method: "POST",
      headers: {
        Expect: "100-continue",
        Authorization: "wrong",
        "Content-Type": "application/json",
        "Content-Length": "1000",
      },
    });
    sent.on("continue", () => reject(new Error("was asked for its body")));
    sent.on("response", (answer) => {
      t.is(answer.headers.connection, "close");
      answer.resume().on("end", () => resolve(answer.statusCode));
    });
    sent.on("error", reject);
    sent.flushHeaders();
  });
  t.is(status, 403);
});
