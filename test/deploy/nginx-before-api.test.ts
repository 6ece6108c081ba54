// The requests that nginx passes to an API, and those that it refuses.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { freePort } from "../servers/free-port.js";
import type { NewProject } from "../service/client.js";
import { ServiceClient } from "../service/client.js";
import { StartedCluster } from "../service/started-cluster.js";
import { type Call, type CallAnswer, call, callRaw, flawOf } from "./caller.js";
import { NginxServer, type NginxSettings } from "./nginx-server.js";
import { SlowUpload } from "./slow-upload.js";

const LOGGED = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Host"];
const MIB = 2 ** 20;

let cluster: StartedCluster;
/** With limits that no test reaches. */
let nginx: NginxServer;
test.before(async () => {
  cluster = await StartedCluster.start({ workers: 0, env: { LOG_HTTP_HEADER_FIELDS: LOGGED.join() } });
  nginx = await before();
});
test.after.always(async () => {
  await nginx?.remove();
  await cluster?.close();
});

/** Starts nginx in front of the API. */
function before(settings: Partial<NginxSettings> = {}): Promise<NginxServer> {
  return NginxServer.start(`127.0.0.1:${cluster.port}`, settings);
}

function isProblem(t: ExecutionContext, answer: CallAnswer, status: number, text?: string): void {
  t.is(answer.status, status, text);
  t.is(flawOf(answer), undefined, text);
}

/** The API's log entry for a request. */
async function loggedByApi(t: ExecutionContext, requestId: string) {
  const api = cluster.processes.find(({ name }) => name === "api")!;
  await api.whenPrinted(new RegExp(`"requestId":"${requestId}".*"msg":"request"`));
  const line = api.output.split("\n").find((text) => text.includes(`"requestId":"${requestId}"`));
  t.truthy(line);
  return JSON.parse(line!) as { call: string; headers: Record<string, string> };
}

test("nginx runs as an unprivileged user with a read-only root", (t) => {
  const children = readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8").trim().split(" ");
  t.true(children.length > 2, "workers");
  for (const pid of [String(nginx.pid), ...children]) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    t.regex(status, /^Uid:(\s+10101){4}$/m);
    t.regex(status, /^Gid:(\s+10101){4}$/m);
    t.regex(status, /^Groups:\s*$/m);
    t.regex(status, /^CapEff:\s+0+$/m);
    t.regex(status, /^CapBnd:\s+0+$/m);
    t.regex(status, /^NoNewPrivs:\s+1$/m);
    t.regex(readFileSync(`/proc/${pid}/mountinfo`, "utf8"), /^\S+ \S+ \S+ \S+ \/ ro\b/m);
  }
  t.is(readFileSync(join(nginx.folder, "nginx.pid"), "utf8").trim(), String(nginx.pid));
});

test("every temporary path compiled into nginx is configured", (t) => {
  // Without a configured path, nginx would create the folder below /var/lib/nginx, where its user may not write.
  const build = execFileSync("sh", ["-c", "nginx -V 2>&1"], { encoding: "utf8" });
  const kinds = [...build.matchAll(/--http-(\w+(?:-\w+)*)-temp-path/g)].map(([, kind]) => kind);
  t.true(kinds.length >= 5);
  const folders = readdirSync(nginx.folder).filter((name) =>
    statSync(join(nginx.folder, name)).isDirectory(),
  );
  t.is(folders.length, kinds.length);
});

test("the API and its problem documents are available through nginx, with or without /api/v1", async (t) => {
  for (const path of ["/status", "/api/v1/status", "/api/v1//status", "/api/v1/./x/../status"]) {
    const answer = await call(`${nginx.url}${path}`);
    t.is(answer.status, 200, path);
    t.is((JSON.parse(answer.text) as { status: string }).status, "ok");
  }
  const wrong = await call(`${nginx.url}/projects/${"a".repeat(48)}`, { headers: { Authorization: "b" } });
  const direct = await call(`${cluster.url}/projects/${"a".repeat(48)}`, { headers: { Authorization: "b" } });
  isProblem(t, wrong, 403);
  t.is(wrong.text, direct.text);
  isProblem(t, await call(`${nginx.url}/no-such-path`), 404);
  const tooLarge = await call(`${nginx.url}/projects`, { method: "POST", body: Buffer.alloc(2 * MIB) });
  t.not(tooLarge.status, 201);
  t.is(flawOf(tooLarge), undefined);
});

test("metrics are hidden for every spelling of the path", async (t) => {
  const paths = [
    "/metrics",
    "/metrics/",
    "/METRICS",
    "//metrics",
    "/api/v1/metrics",
    "/api/v1//metrics//",
    "/api/v1/%6detrics",
    "/x/../metrics",
    "/metrics?x=1",
    "/metrics#x",
    "/\\metrics",
    "/\\metrics#x",
    "/api/v1/\\metrics#x",
  ];
  for (const path of paths) {
    const answer = await callRaw(nginx.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    t.regex(answer, /^HTTP\/1\.1 404 /, path);
    t.regex(answer, /\r\nContent-Type: application\/problem\+json\r\n/i, path);
    t.regex(answer, /"detail":"There is no such path\."/, path);
  }
  t.is((await call(`${cluster.url}/metrics`)).status, 200, "the API itself has them");
});

test("the API receives the client's address and a request id", async (t) => {
  const answer = await call(`${nginx.url}/version`, {
    from: "127.0.0.7",
    headers: {
      "X-Request-Id": "the-client's own", // an id that the API would not accept either
      "X-Forwarded-For": "192.0.2.1",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "elsewhere.example",
      "X-Real-IP": "192.0.2.1",
    },
  });
  const id = answer.headers["x-request-id"] as string;
  t.regex(id, /^[0-9a-f]{32}$/);
  t.deepEqual((await loggedByApi(t, id)).headers, {
    "x-forwarded-for": "127.0.0.7",
    "x-forwarded-proto": "http",
    "x-forwarded-host": `127.0.0.1:${nginx.port}`,
    host: "127.0.0.1",
  });
  const [logged] = await nginx.logged({ requestId: id });
  t.like(logged, { address: "127.0.0.7", method: "GET", call: "/version", status: 200, apiStatus: "200" });

  const named = await call(`${nginx.url}/version`, { headers: { "X-Request-Id": "named-by.the:client_1" } });
  t.is(named.headers["x-request-id"], "named-by.the:client_1");
  const problem = await call(`${nginx.url}/metrics`, { headers: { "X-Request-Id": "of-a-problem" } });
  t.is(problem.headers["x-request-id"], "of-a-problem");
});

test("trusted proxies set the client's address and scheme; other proxies are ignored", async (t) => {
  const behind = await before({
    TRUSTED_PROXIES: "set_real_ip_from 127.0.0.8/32; set_real_ip_from 10.0.0.0/8;",
    REQUESTS_PER_SECOND: "1",
    BURST: "3",
  });
  try {
    const forwarded = (client: string): Call => ({
      from: "127.0.0.8",
      headers: {
        "X-Forwarded-For": `198.51.100.1, ${client}, 10.1.2.3`, // the client made up the first address
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "linkage.example",
      },
    });
    const { headers } = await call(`${behind.url}/version`, forwarded("192.0.2.5"));
    t.deepEqual((await loggedByApi(t, headers["x-request-id"] as string)).headers, {
      "x-forwarded-for": "192.0.2.5",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "linkage.example",
      host: "127.0.0.1",
    });
    // Limits apply to the client, not to the proxy.
    const many = Array.from({ length: 20 }, () => call(`${behind.url}/version`, forwarded("192.0.2.6")));
    const statuses = (await Promise.all(many)).map(({ status }) => status);
    t.true(statuses.includes(503));
    t.is((await call(`${behind.url}/version`, forwarded("192.0.2.7"))).status, 200);
    t.is((await behind.logged({ address: "192.0.2.7" })).length, 1);
  } finally {
    await behind.remove();
  }
});

test("a burst over the limit gets problem documents; other addresses and health checks are served", async (t) => {
  const limited = await before({ REQUESTS_PER_SECOND: "1", BURST: "5" });
  try {
    const times = (count: number, path: string, from: string) =>
      Promise.all(Array.from({ length: count }, () => call(`${limited.url}${path}`, { from })));
    const [burst, others, healths] = await Promise.all([
      times(60, "/version", "127.0.0.2"),
      times(5, "/version", "127.0.0.3"),
      times(60, "/healthz", "127.0.0.2"),
    ]);
    const answered = burst.filter(({ status }) => status === 200);
    const refused = burst.filter(({ status }) => status !== 200);
    t.true(answered.length >= 6, `${answered.length} at least as many as the burst allows`);
    t.true(refused.length > 0);
    for (const answer of refused) {
      isProblem(t, answer, 503);
      t.is(answer.headers["retry-after"], "5");
      t.is(answer.headers["cache-control"], "no-store");
    }
    t.true(others.every(({ status }) => status === 200));
    t.true(healths.every(({ status }) => status === 200));
    t.is((await call(`${limited.url}/api/v1/readyz`, { from: "127.0.0.2" })).status, 200);
    const rejected = await limited.logged({ limit: "REJECTED" }, refused.length);
    t.is(rejected.length, refused.length);
    t.true(rejected.every(({ address, apiStatus }) => address === "127.0.0.2" && apiStatus === ""));
  } finally {
    await limited.remove();
  }
});

function uploadTo(url: string, { project_id, update_tokens }: NewProject): [url: string, call: Call] {
  const headers = {
    Authorization: update_tokens[0]!,
    "Content-Type": "application/octet-stream",
    "Hash-Size": "128",
  };
  return [`${url}/api/v1/projects/${project_id}/binaryclks`, { method: "POST", headers }];
}

test("an upload over the size limit gets a problem document, and its token remains usable", async (t) => {
  const small = await before({ MAX_BODY_SIZE: "1m" });
  try {
    const project = await new ServiceClient(small.url).createProject();
    const [url, upload] = uploadTo(small.url, project);
    const body = Buffer.alloc(MIB + 128, 1);
    for (const chunked of [false, true]) {
      const headers = { ...upload.headers, "Hash-Count": String(body.length / 128) };
      isProblem(t, await call(url, { ...upload, headers, body, chunked }), 413, `chunked: ${chunked}`);
    }
    const refused = await small.logged({ status: 413 }, 2);
    t.true(refused.every(({ apiStatus }) => apiStatus === ""));
    const headers = { ...upload.headers, "Hash-Count": String(MIB / 128) };
    const answer = await call(url, { ...upload, headers, body: body.subarray(0, MIB) });
    t.is(answer.status, 201, answer.text);
    // Other calls accept only small bodies, whatever the limit of uploads is.
    const plain = { method: "POST", body: Buffer.alloc(9 * MIB) };
    isProblem(t, await call(`${nginx.url}/projects`, plain), 413);
  } finally {
    await small.remove();
  }
});

test("concurrent uploads are limited in total and per address", async (t) => {
  const bounded = await before({ MAX_UPLOADS: "3", MAX_UPLOADS_PER_ADDRESS: "2" });
  const open: SlowUpload[] = [];
  try {
    const client = new ServiceClient(bounded.url);
    const begin = async (from: string) => {
      const upload = new SlowUpload(bounded.port, await client.createProject(), 0, 1000, from);
      open.push(upload);
      await upload.send(1024);
      return upload;
    };
    const tryFrom = async (from: string) => {
      const [url, upload] = uploadTo(bounded.url, await client.createProject());
      const headers = { ...upload.headers, "Hash-Count": "1" };
      return call(url, { ...upload, headers, body: Buffer.alloc(128, 1), from });
    };
    const first = await begin("127.0.0.2");
    await begin("127.0.0.2");
    isProblem(t, await tryFrom("127.0.0.2"), 503, "a third one from an address");
    t.is((await tryFrom("127.0.0.3")).status, 201, "another address");
    await begin("127.0.0.3");
    isProblem(t, await tryFrom("127.0.0.4"), 503, "a fourth one in all");
    t.is((await call(`${bounded.url}/version`, { from: "127.0.0.2" })).status, 200, "other calls go on");
    await first.finish();
    t.is((await first.answer).status, 201);
    t.is((await tryFrom("127.0.0.4")).status, 201, "once one of them is done");
  } finally {
    for (const upload of open) upload.abort();
    await bounded.remove();
  }
});

test("callers get problem documents while the API is down", async (t) => {
  const away = await NginxServer.start(`127.0.0.1:${await freePort()}`);
  try {
    for (const method of ["GET", "POST", "DELETE"]) {
      const answer = await call(`${away.url}/projects`, { method });
      isProblem(t, answer, 502, method);
      t.is(answer.headers["retry-after"], "5");
    }
    const tries = (await away.logged({ status: 502 }, 3)).map(({ method, apiStatus }) => [method, apiStatus]);
    t.deepEqual(tries, [
      ["GET", "502, 502"], // reads may be retried
      ["POST", "502"],
      ["DELETE", "502"],
    ]);
  } finally {
    await away.remove();
  }
});

test("a request that times out is not sent to the API again", async (t) => {
  let requestCount = 0;
  const silent = createServer(() => {
    requestCount++;
  });
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo;
  const shortly = (configuration: string) => configuration.replace(/(proxy_read_timeout) \d+s/, "$1 1s");
  const waiting = await NginxServer.start(`127.0.0.1:${port}`, {}, shortly);
  try {
    for (const method of ["GET", "POST"])
      isProblem(t, await call(`${waiting.url}/projects`, { method }), 504, method);
    t.is(requestCount, 2);
  } finally {
    await waiting.remove();
    silent.closeAllConnections();
    silent.close();
  }
});

test("the log shows calls, but no tokens, ids or queries", async (t) => {
  const [token, id] = ["7".repeat(48), "8".repeat(48)];
  const paths = [
    ["/api/v1/projects", "/projects"],
    [`/projects/${id}?secret=${token}`, "/projects/{project_id}"],
    [`/api/v1//projects/${id}/runs/`, "/projects/{project_id}/runs"],
    [`/projects/${id}/runs/${id}/result`, "/projects/{project_id}/runs/{run_id}/result"],
    [`/projects/${id}/runs/${token}`, "/projects/{project_id}/runs/{run_id}"],
    [`/${token}`, "none"],
    [`/projects/${id}/${token}`, "none"],
  ] as const;
  for (const [n, [path]] of paths.entries()) {
    await call(`${nginx.url}${path}`, { headers: { Authorization: token, "X-Request-Id": `logged-${n}` } });
  }
  for (const [n, [path, expected]] of paths.entries()) {
    const [logged] = await nginx.logged({ requestId: `logged-${n}` });
    t.is(logged!.call, expected, path);
  }
  t.false(nginx.output.includes(token));
  t.false(nginx.output.includes(id));
});

test("SIGQUIT shuts nginx down cleanly", async (t) => {
  const server = await before();
  t.is(await server.stop(), 0);
  t.deepEqual(
    server.output.split("\n").filter((line) => line !== "" && !line.startsWith("{")),
    [],
  );
  await server.remove();
});
