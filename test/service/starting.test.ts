// The answers of a service while it starts.
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { startEmbeddedService } from "../../src/service/main.js";
import { startingHandler } from "../../src/service/starting-handler.js";
import { freePort } from "../servers/free-port.js";

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "starting-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a starting service is alive but not ready, and answers other calls with 503", async (t) => {
  const server = createServer(startingHandler).listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const path of ["/healthz", "//healthz?x=/", "/api/v1/healthz", "/api/v1//healthz"]) {
    const response = await fetch(url + path);
    t.is(response.status, 200, path);
    t.deepEqual(await response.json(), { status: "ok" });
  }
  const ready = await fetch(`${url}/readyz`);
  t.is(ready.status, 503);
  t.deepEqual(await ready.json(), { status: "waiting", stores: {} });
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/api/v1/projects"],
    ["GET", "/healthz/x"],
    ["POST", "/api/v1/projects"],
    ["POST", "/api/v1/projects/x/clks"],
  ] as const) {
    const body = method === "POST" ? Buffer.alloc(2 ** 20) : null;
    const response = await fetch(url + path, { method, body });
    t.is(response.status, 503, path);
    t.is(response.headers.get("retry-after"), "1");
    t.regex(response.headers.get("content-type")!, /^application\/problem\+json/);
    t.deepEqual(await response.json(), {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "The service is starting. Try again in a moment.",
    });
  }
});

test("the embedded service listens before it is ready", async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const starting = startEmbeddedService({
    host: "127.0.0.1",
    port,
    dataFolder: folderOf(t),
    logLevel: "silent",
  });
  const statuses: number[] = [];
  let isStarted = false;
  const started = starting.finally(() => {
    isStarted = true;
  });
  while (!isStarted) {
    const [health, ready, projects] = await Promise.all(
      ["/healthz", "/readyz", "/api/v1/projects"].map((path) => fetch(url + path).catch(() => undefined)),
    );
    if (health === undefined || isStarted) continue; // not listening yet
    t.is(health.status, 200);
    t.is(ready?.status, 503);
    statuses.push(projects!.status);
  }
  const service = await started;
  t.teardown(() => service.close());
  t.true(statuses.length > 0, "it was asked while it started");
  t.deepEqual([...new Set(statuses)], [503]);
  t.is((await fetch(`${url}/readyz`)).status, 200);
  t.is((await fetch(`${url}/api/v1/projects`)).status, 200);
});

test("a port in use is detected before creating data, and the port is released if the start fails", async (t) => {
  const taken = createSocketServer().listen(0, "127.0.0.1");
  t.teardown(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const dataFolder = join(folderOf(t), "data");
  const options = { host: "127.0.0.1", logLevel: "silent" };
  await t.throwsAsync(startEmbeddedService({ ...options, port, dataFolder }), { code: "EADDRINUSE" });
  t.false(existsSync(dataFolder), "nothing was made");

  const free = await freePort();
  // A file is where the folder should be.
  const wrong = join("/dev/null", "data");
  await t.throwsAsync(startEmbeddedService({ ...options, port: free, dataFolder: wrong }));
  await t.throwsAsync(fetch(`http://127.0.0.1:${free}/healthz`));
});
