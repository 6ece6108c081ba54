// The library in a browser: the tarball, installed in a scratch project, bundled by esbuild as it comes.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { runPage } from "./chromium.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "anonlink-wasm-"));
const site = join(scratch, "site");

const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

test.before("install the tarball, bundle the page", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  await run(process.execPath, ["scripts/pack.js"], { cwd: root });
  writeFileSync(join(scratch, "package.json"), '{ "name": "scratch", "private": true, "type": "module" }');
  const tarball = join(root, "build", `anonlink-wasm-${version}.tgz`);
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: scratch });
  cpSync(join(root, "test/browser/page.js"), join(scratch, "main.js"));
  mkdirSync(site);
  await run(join(root, "node_modules/.bin/esbuild"), ["main.js", "--bundle", "--outfile=site/out.js"], {
    cwd: scratch,
  });
  await run(
    join(root, "node_modules/.bin/esbuild"),
    ["main.js", "--bundle", "--format=esm", "--outfile=site/out.mjs.js"],
    {
      cwd: scratch,
    },
  );
  const page = (script: string) => `<!doctype html><title>anonlink-wasm</title>${script}`;
  writeFileSync(join(site, "index.html"), page('<script src="out.js"></script>'));
  writeFileSync(join(site, "module.html"), page('<script type="module" src="out.mjs.js"></script>'));
  cpSync(join(root, "test/data/febrl4-1k"), join(site, "data"), { recursive: true });
});

const found = { pairs: 946, groups: 946 };

test.serial("a plain page links in Web Workers, each with a copy of the data", async (t) => {
  const result = await runPage(site, "index.html?scenario=link", {});
  t.deepEqual(result, { isolated: false, ...found, kernel: "bit-sliced", threads: 2 });
});

test.serial("a cross-origin isolated page links in Web Workers over shared memory", async (t) => {
  const result = await runPage(site, "module.html?scenario=link", ISOLATED);
  t.deepEqual(result, { isolated: true, ...found, kernel: "bit-sliced", threads: 2 });
});

test.serial("where the page's policy forbids WebAssembly, the reference kernel links", async (t) => {
  const headers = { "content-security-policy": "script-src 'self'; worker-src blob:" };
  const result = await runPage(site, "index.html?scenario=link", headers);
  t.deepEqual(result, { isolated: false, ...found, kernel: "reference", threads: 2 });
});

test.serial("where the page's policy forbids workers, the page's own thread links", async (t) => {
  const headers = { "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'" };
  const result = await runPage(site, "index.html?scenario=link", headers);
  t.deepEqual(result, { isolated: false, ...found, kernel: "bit-sliced", threads: 1 });
});

for (const [name, headers] of [
  ["plain", {}],
  ["isolated", ISOLATED],
] as const) {
  test.serial(`the main thread stays responsive while threads work (${name} page)`, async (t) => {
    const result = (await runPage(site, "index.html?scenario=responsive", headers)) as Record<string, number>;
    t.true(result["progressReports"]! >= 10, JSON.stringify(result));
    t.true(result["ticksDuringWork"]! >= 10, JSON.stringify(result));
  });
}

test.serial("an abort in the middle stops the work and the page goes on", async (t) => {
  const result = await runPage(site, "index.html?scenario=abort", {});
  t.deepEqual(result, { isolated: false, error: "AbortError", finished: false, pairsAfter: 946 });
});
