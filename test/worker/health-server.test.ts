import type { AddressInfo } from "node:net";
import test from "ava";
import { Registry } from "prom-client";
import { serveHealth } from "../../src/worker/health-server.js";

test("reports liveness and readiness independently", async (t) => {
  let alive = true;
  let ready = false;
  const readiness = () => ({ isReady: ready, stores: { broker: ready } });
  const server = await serveHealth("127.0.0.1", 0, { isAlive: () => alive, readiness }, new Registry());
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.json()];
  };
  t.deepEqual(await get("/healthz"), [200, { status: "ok" }]);
  t.deepEqual(await get("/readyz"), [503, { status: "waiting", stores: { broker: false } }]);
  ready = true;
  alive = false;
  t.deepEqual(await get("/healthz"), [503, { status: "stuck" }]);
  t.deepEqual(await get("/readyz"), [200, { status: "ok", stores: { broker: true } }]);
});
