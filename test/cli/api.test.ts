import { fileURLToPath } from "node:url";
import test from "ava";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";
import { CLI, root } from "./run-cli.js";

test("api starts without its stores, is alive but not ready, and shuts down cleanly", async (t) => {
  t.timeout(120_000);
  const [port, nobody] = [await freePort(), await freePort()];
  const [program, ...first] = CLI;
  const api = new StartedProcess(
    "api",
    program,
    [...first, "api", "--host", "127.0.0.1", "--port", `${port}`],
    {
      cwd: fileURLToPath(root),
      env: {
        DATABASE_SERVER: `127.0.0.1:${nobody}`,
        REDIS_SERVER: `127.0.0.1:${nobody}`,
        MINIO_SERVER: `127.0.0.1:${nobody}`,
        MINIO_ACCESS_KEY: "key",
        MINIO_SECRET_KEY: "secret of the store",
      },
    },
  );
  t.teardown(() => api.killGroup());
  await api.whenPrinted(/service listens/);
  const url = `http://127.0.0.1:${port}`;
  t.is((await fetch(`${url}/healthz`)).status, 200);
  const readiness = await fetch(`${url}/readyz`);
  t.is(readiness.status, 503);
  t.deepEqual(await readiness.json(), {
    status: "waiting",
    stores: { database: false, cache: false, objects: false, tasks: false },
  });
  t.is((await fetch(`${url}/version`)).status, 200);
  api.signal("SIGTERM");
  t.is(await api.waitForEnd(), 0);
  t.notRegex(api.output, /secret of the store/);
});
