import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { type RunningExporter, startExporter } from "../../src/exporter/main.js";
import { CLI, root, runCli } from "../cli/run-cli.js";
import { collectGarbage } from "../collect-garbage.js";
import { freePort } from "../servers/free-port.js";
import { ServiceClient } from "../service/client.js";
import { startEmbedded } from "../service/embedded.js";
import { StartedProcess } from "../started-process.js";

const INTERVAL_MS = 20;
/** Test machines may be busy, so the short timeout is only for services that never answer. */
const TIMEOUT_MS = { hangs: 300, answers: 30_000 };
const STATUS = { status: "ok", project_count: 7, rate: 1234567 };
const VERSION = { anonlink: "0.14.2", entityservice: "v1.15.1", python: "3.8.12" };

/** How long tests wait for a metric, and for a program to start and stop. */
const PATIENCE_MS = 120_000;

/** Requests on its own connection: the server may close an idle one just as it is reused. */
function get(url: string): Promise<Response> {
  return fetch(url, { headers: { Connection: "close" } });
}

/** A service that answers with `listener`. */
async function startFake(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 0 }, listener); // only the exporter closes idle connections
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(
  t: ExecutionContext,
  serviceUrl: string,
  { changes = [], timeoutMs = TIMEOUT_MS.answers }: { changes?: string[]; timeoutMs?: number } = {},
): Promise<RunningExporter> {
  const exporter = await startExporter({
    apiUrl: `${serviceUrl}/api/v1`,
    ...{ host: "127.0.0.1", port: 0, intervalMs: INTERVAL_MS, timeoutMs },
    onChange: (problem) => changes.push(problem ?? "good"),
  });
  t.teardown(() => exporter.close());
  return exporter;
}

/** The exporter's own metrics: values by series, as written in the Prometheus text format. */
async function figures({ url }: Pick<RunningExporter, "url">): Promise<Record<string, number>> {
  const response = await get(`${url}/metrics`);
  if (response.status !== 200) throw new Error(`/metrics: ${response.status}`);
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith("anonlink_"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

async function until(
  t: ExecutionContext,
  exporter: Pick<RunningExporter, "url">,
  isThere: (found: Record<string, number>) => boolean,
): Promise<Record<string, number>> {
  t.timeout(2 * PATIENCE_MS);
  for (const end = Date.now() + PATIENCE_MS; ; await pause(INTERVAL_MS)) {
    collectGarbage(); // must not drop pending requests
    const found = await figures(exporter);
    if (isThere(found)) return found;
    if (Date.now() > end) throw new Error(`waited in vain, last for ${JSON.stringify(found)}`);
  }
}

const OF_SERVICE = /^anonlink_service_(projects|comparisons_per_second|info|answer_seconds)\b/;
const failuresBy = (reason: string) => `anonlink_service_failures_total{reason="${reason}"}`;

test("exports the content of /status and /version, and is healthy itself", async (t) => {
  const asked: string[] = [];
  const url = await startFake(t, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "without a token"}`);
    response.end(JSON.stringify(request.url === "/api/v1/status" ? STATUS : VERSION));
  });
  const exporter = await start(t, url);
  const found = await until(t, exporter, (each) => each["anonlink_service_up"] === 1);
  t.is(found["anonlink_service_projects"], 7);
  t.is(found["anonlink_service_comparisons_per_second"], 1234567);
  t.is(found['anonlink_service_info{anonlink="0.14.2",entityservice="v1.15.1",python="3.8.12"}'], 1);
  t.true(found["anonlink_service_answer_seconds"]! > 0);
  t.true(found["anonlink_service_answer_age_seconds"]! >= 0);
  t.deepEqual([...new Set(asked)].sort(), [
    "GET /api/v1/status without a token",
    "GET /api/v1/version without a token",
  ]);
  t.is((await get(`${exporter.url}/healthz`)).status, 200);
  t.is((await get(`${exporter.url}/readyz`)).status, 200);
  t.is((await get(`${exporter.url}/else`)).status, 404);
});

test("exports metrics of an embedded service", async (t) => {
  const service = await startEmbedded();
  t.teardown(() => service.close());
  for (let n = 0; n < 3; n++) await new ServiceClient(service.url).createProject();
  const exporter = await start(t, service.url);
  const found = await until(t, exporter, (each) => each["anonlink_service_up"] === 1);
  t.is(found["anonlink_service_projects"], 3);
  t.true(
    Object.keys(found).some((series) => /^anonlink_service_info\{anonlink="anonlink-wasm \d/.test(series)),
  );
});

for (const [what, reason, listener] of [
  ["hangs", "timeout", () => {}],
  ["starts a response and hangs", "timeout", (_, response) => response.write('{"status": "ok", ')],
  ["responds with an error", "refused", (_, response) => response.writeHead(500).end("{}")],
  ["responds with invalid JSON", "senseless", (_, response) => response.end("<html>")],
  ["responds with null", "senseless", (_, response) => response.end("null")],
  ["omits the expected fields", "senseless", (_, response) => response.end('{"status": "ok"}')],
  [
    "reports a rate that is not a number",
    "senseless",
    (request, response) =>
      response.end(JSON.stringify(request.url === "/api/v1/status" ? { ...STATUS, rate: "fast" } : VERSION)),
  ],
  [
    "reports another status",
    "senseless",
    (_, response) => response.end(JSON.stringify({ ...STATUS, status: "bad" })),
  ],
  ["sends too large a response", "senseless", (_, response) => response.end("x".repeat(2 ** 20))],
  ["drops connections", "unreachable", (request) => request.socket.destroy()],
] as readonly (readonly [string, string, RequestListener])[]) {
  test(`a service that ${what} is not up (${reason})`, async (t) => {
    const timeoutMs = reason === "timeout" ? TIMEOUT_MS.hangs : TIMEOUT_MS.answers;
    const exporter = await start(t, await startFake(t, listener), { timeoutMs });
    const found = await until(t, exporter, (each) => each[failuresBy(reason)]! >= 1);
    t.is(found["anonlink_service_up"], 0);
    t.deepEqual(
      Object.keys(found).filter((series) => OF_SERVICE.test(series) || series.includes("age")),
      [],
    );
    t.is((await get(`${exporter.url}/healthz`)).status, 200);
  });
}

test("metrics of an unavailable service are dropped until it is back", async (t) => {
  let isWell = true;
  const url = await startFake(t, (request, response) => {
    if (!isWell) return void response.writeHead(503).end();
    response.end(JSON.stringify(request.url === "/api/v1/status" ? STATUS : VERSION));
  });
  const changes: string[] = [];
  const exporter = await start(t, url, { changes });
  await until(t, exporter, (each) => each["anonlink_service_up"] === 1);
  isWell = false;
  const away = await until(t, exporter, (each) => each["anonlink_service_up"] === 0);
  t.deepEqual(
    Object.keys(away).filter((series) => OF_SERVICE.test(series)),
    [],
  );
  t.true(away["anonlink_service_answer_age_seconds"]! > 0);
  isWell = true;
  const back = await until(t, exporter, (each) => each["anonlink_service_up"] === 1);
  t.is(back["anonlink_service_projects"], 7);
  t.regex(
    changes.join("\n"),
    /^good\n\/api\/v1\/(status|version) answered with status 503, not 200\.\ngood$/,
  );
});

test("can be closed while waiting for a response", async (t) => {
  const exporter = await startExporter({
    apiUrl: await startFake(t, () => {}),
    ...{ host: "127.0.0.1", port: 0, intervalMs: 600_000, timeoutMs: 600_000 },
  });
  t.is((await get(`${exporter.url}/readyz`)).status, 503);
  await exporter.close();
  await t.throwsAsync(get(`${exporter.url}/healthz`));
});

test("exporter prints the URL of its metrics and shuts down cleanly", async (t) => {
  const [program, ...first] = CLI;
  const service = `http://127.0.0.1:${await freePort()}`;
  const args = [...first, "exporter", "--url", service, "--port", "0", "--interval", "0.1"];
  t.timeout(4 * PATIENCE_MS);
  const exporter = new StartedProcess("exporter", program, args, { cwd: fileURLToPath(root) });
  t.teardown(() => exporter.killGroup());
  const [, url] = await exporter.whenPrinted(/figures of the service at (\S+)\/metrics/, PATIENCE_MS);
  await exporter.whenPrinted(
    /the service is away: \/api\/v1\/(status|version) cannot be reached: ECONNREFUSED\./,
    PATIENCE_MS,
  );
  t.is((await figures({ url: url! }))["anonlink_service_up"], 0);
  exporter.signal("SIGTERM");
  t.is(await exporter.waitForEnd(PATIENCE_MS), 0);
});

test("exporter requires a valid service URL and a free port", async (t) => {
  t.timeout(4 * PATIENCE_MS); // starts four programs
  t.regex((await runCli(["exporter"])).stderr, /required option '--url <url>'/);
  t.regex((await runCli(["exporter", "--url", "ftp://x"])).stderr, /must be a URL such as/);
  t.regex(
    (await runCli(["exporter", "--url", "http://x", "--interval", "never"])).stderr,
    /number of seconds/,
  );
  const taken = await startFake(t, () => {});
  const { code, stderr } = await runCli(["exporter", "--url", taken, "--port", new URL(taken).port]);
  t.is(code, 2);
  t.regex(stderr, /Port \d+ on 127\.0\.0\.1 is already in use; choose another with --port\./);
});
