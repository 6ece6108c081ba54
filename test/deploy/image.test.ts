// The Dockerfile's image, built in folders with debootstrap and chroot, and the programs in it.
import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { freePort } from "../servers/free-port.js";
import { ServiceClient } from "../service/client.js";
import { asSet, base64Rows, expectedOf, overlappingRows } from "../service/data.js";
import { StartedCluster } from "../service/started-cluster.js";
import { Container } from "./container.js";
import { parseDockerfile } from "./dockerfile.js";
import { buildImage, type Image, makeContext } from "./image.js";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "image-"));
const USER = 10_001;
const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

let image: Image;
const containers: Container[] = [];
test.before("build the image", async (t) => {
  t.timeout(540_000);
  const context = join(folder, "context");
  mkdirSync(context);
  makeContext(project, context);
  const dockerfile = parseDockerfile(readFileSync(join(project, "deploy/Dockerfile"), "utf8"));
  image = await buildImage(dockerfile, context, folder);
});
test.after.always(async () => {
  await Promise.all(containers.map((container) => container.kill()));
  rmSync(folder, { recursive: true, force: true });
});

function start(
  ...options: ConstructorParameters<typeof Container> extends [Image, ...infer Rest] ? Rest : never
) {
  const container = new Container(image, ...options);
  containers.push(container);
  return container;
}

/** A folder that the container's user owns. */
function volume(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, USER, USER);
  return path;
}

test("the image declares its user, entry point, labels and ports", (t) => {
  t.is(image.user, `${USER}:${USER}`);
  t.deepEqual(image.entrypoint, ["node", "/app/dist/cli/main.js"]);
  t.is(image.labels["org.opencontainers.image.title"], "anonlink-wasm");
  t.is(image.labels["org.opencontainers.image.version"], manifest.version);
  t.is(image.labels["org.opencontainers.image.licenses"], "Apache-2.0");
  t.deepEqual(image.ports, ["8850", "8851", "8852", "8853"]);
  t.is(image.env["NODE_ENV"], "production");
  t.true(existsSync(join(image.root, "app/LICENSE")));
});

test("the image has no build tools, package managers or development dependencies", async (t) => {
  const builders =
    "gcc|g\\+\\+|cc|c\\+\\+|clang|ld|as|make|cmake|python[0-9.]*|npm|npx|corepack|yarn|yarnpkg|node-gyp";
  const search = ["-xdev", "-regextype", "posix-extended", "-regex", `.*/s?bin/(${builders})`];
  t.is((await run("find", [image.root, ...search])).stdout, "");
  t.is(
    (await run("find", [image.root, "-xdev", "-name", "npm-cli.js", "-o", "-name", "corepack.js"])).stdout,
    "",
  );
  t.false(existsSync(join(image.root, "usr/local/include/node")));

  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  const modules = join(image.root, "app/node_modules");
  for (const name of Object.keys(manifest.dependencies)) t.true(existsSync(join(modules, name)), name);
  for (const [path, { dev = false }] of Object.entries(packages)) {
    if (dev) t.false(existsSync(join(image.root, "app", path)), path);
  }
  t.deepEqual(readdirSync(join(image.root, "app")).sort(), [
    "LICENSE",
    "deploy",
    "dist",
    "node_modules",
    "package.json",
  ]);
  t.false(existsSync(join(image.root, "build")), "what was built with stays behind");
});

test("all files belong to root; the user can write only to /data and temporary folders", async (t) => {
  t.is((await run("find", [join(image.root, "app"), "!", "-uid", "0", "-o", "!", "-gid", "0"])).stdout, "");
  t.is((await run("find", [join(image.root, "app"), "!", "-type", "l", "-perm", "/022"])).stdout, "");
  // Ignores errors: folders closed to the user are not writable either. /dev is created by the engine.
  const search = "find / -xdev -path /dev -prune -o -writable ! -type l -print 2>/dev/null; exit 0";
  const asUser = ["--userspec", `${USER}:${USER}`, image.root, "sh", "-c", search];
  const folders = (await run("chroot", asUser)).stdout.trim().split("\n");
  t.deepEqual(folders.sort(), ["/data", "/run/lock", "/tmp", "/var/tmp"]);
  const rights = await run("find", [join(image.root, "app"), "-xdev", "-perm", "/6000"]);
  t.is(rights.stdout, "", "nothing of ours runs as another user");
});

test("commands run as an unprivileged user with a read-only root", async (t) => {
  const version = start(["--version"]);
  t.is(await version.process.waitForEnd(), 0, version.process.output);
  t.is(version.process.output.trim(), manifest.version);
  const help = start([]);
  t.is(await help.process.waitForEnd(), 0, help.process.output);
  for (const command of ["match", "serve", "api", "worker", "migrate", "exporter", "check"]) {
    t.regex(help.process.output, new RegExp(`^  ${command}\\b`, "m"));
  }
  const wrong = start(["no-such-command"]);
  t.is(await wrong.process.waitForEnd(), 2);
});

test("match finds the pairs of two files", async (t) => {
  const data = join(project, "test/data/febrl4-1k");
  const match = start(
    ["match", "/input/clks-a.json", "/input/clks-b.json", "--threshold", "0.9", "--out", "/data/groups.json"],
    { "/input": data, "/data": volume("matched") },
  );
  t.is(await match.process.waitForEnd(), 0, match.process.output);
  t.true(readFileSync(join(folder, "matched/groups.json"), "utf8").length > 1000);
});

test("serve links two small sets, keeps them over a restart, and reports its health", async (t) => {
  const data = volume("served");
  const port = await freePort();
  const args = ["serve", "--host", "127.0.0.1", "--port", String(port), "--data", "/data"];
  const client = new ServiceClient(`http://127.0.0.1:${port}`);
  let serve = start(args, { "/data": data });
  await serve.process.whenPrinted(/The service is ready/);
  t.is((await client.get("/status")).status, 200);
  t.true(await serve.isHealthy());

  const status = readFileSync(`/proc/${serve.pid}/status`, "utf8");
  t.regex(status, /^Uid:(\s+10001){4}$/m);
  t.regex(status, /^Groups:\s*$/m);
  t.regex(status, /^CapEff:\s+0+$/m);
  t.regex(status, /^NoNewPrivs:\s+1$/m);
  t.regex(status, /^NSpid:\s+\d+\s+1$/m, "it is process 1, and ends on SIGTERM all the same");
  await t.throwsAsync(serve.execute(["touch", "/app/dist/x"]), { message: /Read-only file system/ });
  await t.throwsAsync(serve.execute(["touch", "/x"]), { message: /Read-only file system/ });
  await serve.execute(["touch", "/tmp/x"]);

  const parties = overlappingRows(1, [300, 200]);
  const created = await client.createProject();
  for (const [party, rows] of parties.entries())
    await client.upload(created, party, { clks: base64Rows(rows) });
  const found = await client.complete<{ groups: never[] }>(created, 0.85);
  const { groups } = await expectedOf(parties, 0.85);
  t.true(groups.length > 50);
  t.deepEqual(asSet(found.groups), asSet(groups));

  const check = start(["check", "--url", client.url, "--suite", "e2e"]);
  t.is(await check.process.waitForEnd(), 0, check.process.output);
  t.regex(check.process.output, /^\d+ passed, 0 failed/m);

  const exporterPort = await freePort();
  const exporter = start(["exporter", "--url", client.url, "--port", String(exporterPort)]);
  await exporter.process.whenPrinted(/figures of the service/);
  const figures = async () => {
    const text = await (await fetch(`http://127.0.0.1:${exporterPort}/metrics`)).text();
    return /^anonlink_service_up(?:\{.*\})? 1$/m.test(text) || undefined;
  };
  await client.until("the service's figures", 120_000, figures);
  t.true(await exporter.isHealthy());
  t.is(await exporter.stop(), 0, exporter.process.output);

  t.is(await serve.stop(), 0, serve.process.output);
  serve = start(args, { "/data": data });
  await serve.process.whenPrinted(/The service is ready/);
  t.is((await client.describe(created)).parties_contributed, 2);
  t.is(await serve.stop(), 0);
});

test("migrate, api and worker link over real stores and report their health", async (t) => {
  const cluster = await StartedCluster.start({ kind: "packed", workers: 0, withApi: false });
  try {
    const migrate = start(["migrate"], {}, cluster.env);
    t.is(await migrate.process.waitForEnd(), 0, migrate.process.output);
    const [port, healthPort] = [await freePort(), await freePort()];
    const api = start(["api", "--host", "127.0.0.1", `--port=${port}`], {}, cluster.env);
    const queues = ["--queues", "celery,compute,highmemory"];
    const health = ["--health-host", "127.0.0.1", "--health-port", String(healthPort)];
    const worker = start(["worker", ...queues, ...health], {}, cluster.env);
    const client = new ServiceClient(`http://127.0.0.1:${port}`);
    for (const url of [client.url, `http://127.0.0.1:${healthPort}`]) {
      await client.until(`${url}/readyz`, 120_000, async () => {
        const isReady = await fetch(`${url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
        return isReady || undefined;
      });
    }
    t.true(await api.isHealthy());
    t.true(await worker.isHealthy());

    const parties = overlappingRows(2, [300, 200]);
    const created = await client.createProject();
    for (const [party, rows] of parties.entries()) {
      await client.binaryUpload(created, party, rows.bytes, rows.byteLength);
    }
    const found = await client.complete<{ groups: never[] }>(created, 0.85);
    t.deepEqual(asSet(found.groups), asSet((await expectedOf(parties, 0.85)).groups));

    process.kill(api.pid, "SIGSTOP");
    t.false(await api.isHealthy(), "an API that does not answer");
    process.kill(api.pid, "SIGCONT");
    t.is(await worker.stop(), 0, worker.process.output);
    t.is(await api.stop(), 0, api.process.output);
  } finally {
    await cluster.close();
  }
});
