// The library in a browser: the tarball, installed in a scratch project and bundled by esbuild without configuration.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  writeFileSync(join(scratch, "example.js"), documented("js"));
  mkdirSync(site);
  const bundle = (...args: string[]) =>
    run(join(root, "node_modules/.bin/esbuild"), [...args, "--bundle"], { cwd: scratch });
  await bundle("main.js", "--outfile=site/out.js");
  await bundle("main.js", "--format=esm", "--outfile=site/module.js");
  await bundle("example.js", "--format=esm", "--outfile=site/example.js");
  const page = (script: string) => `<!doctype html><title>anonlink-wasm</title>${script}`;
  const module = (name: string) => `<script type="module" src="${name}.js"></script>`;
  const postLog = `<script>
    console.log = (...values) => fetch("/log", { method: "POST", body: JSON.stringify(values.join(" ")) });
  </script>`;
  writeFileSync(join(site, "index.html"), page('<script src="out.js"></script>'));
  writeFileSync(join(site, "module.html"), page(module("module")));
  writeFileSync(join(site, "example.html"), page(postLog + module("example")));
  cpSync(join(root, "test/data/febrl4-1k"), join(site, "data"), { recursive: true });
});

test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

/** A marked code block of docs/library.md: the browser example, or its output. */
function documented(language: "js" | "text"): string {
  const mark = language === "js" ? "<!-- page -->" : "<!-- page:output -->";
  const text = readFileSync(join(root, "docs/library.md"), "utf8");
  return text.split(`${mark}\n\`\`\`${language}\n`)[1]!.split("```")[0]!;
}

const found = { pairs: 946, groups: 946 };

test.serial("a plain page links in Web Workers, each with a copy of the data", async (t) => {
  const result = await runPage(site, "index.html?scenario=link", {});
  t.deepEqual(result, { isolated: false, ...found, kernel: "bit-sliced", threads: 2 });
});

test.serial("a cross-origin isolated page links in Web Workers over shared memory", async (t) => {
  const result = await runPage(site, "module.html?scenario=link", ISOLATED);
  t.deepEqual(result, { isolated: true, ...found, kernel: "bit-sliced", threads: 2 });
});

test.serial("links with the reference kernel if the page's policy forbids WebAssembly", async (t) => {
  const headers = { "content-security-policy": "script-src 'self'; worker-src blob:" };
  const result = await runPage(site, "index.html?scenario=link", headers);
  t.deepEqual(result, { isolated: false, ...found, kernel: "reference", threads: 2 });
});

test.serial("links on the main thread if the page's policy forbids workers", async (t) => {
  const headers = { "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'" };
  const result = await runPage(site, "index.html?scenario=link", headers);
  t.deepEqual(result, { isolated: false, ...found, kernel: "bit-sliced", threads: 1 });
});

test.serial("links on the main thread with the reference kernel if the policy forbids both", async (t) => {
  const headers = { "content-security-policy": "script-src 'self'; worker-src 'none'" };
  const result = await runPage(site, "module.html?scenario=link", headers);
  t.deepEqual(result, { isolated: false, ...found, kernel: "reference", threads: 1 });
});

test.serial("the documented example prints the documented output", async (t) => {
  t.is(`${await runPage(site, "example.html", {})}\n`, documented("text"));
});

for (const [name, headers] of [
  ["plain", {}],
  ["isolated", ISOLATED],
] as const) {
  test.serial(`the main thread stays responsive while threads work (${name} page)`, async (t) => {
    const result = (await runPage(site, "index.html?scenario=responsive", headers)) as Record<string, number>;
    t.is(result["threads"], 2, "the work is not done by the main thread");
    t.true(result["progressReports"]! >= 10, JSON.stringify(result));
    t.true(result["ticksDuringWork"]! >= 10, JSON.stringify(result));
  });
}

test.serial("an abort stops the work, and the page can link again", async (t) => {
  const result = await runPage(site, "index.html?scenario=abort", {});
  t.deepEqual(result, { isolated: false, error: "AbortError", finished: false, pairsAfter: 946 });
});

test.serial("a browser that fails to start fails the test at once and leaves nothing behind", async (t) => {
  const profiles = () => readdirSync(tmpdir()).filter((name) => name.startsWith("chromium-"));
  const before = profiles();
  await t.throwsAsync(runPage(site, "index.html", {}, "no-such-browser"), { message: /ENOENT/ });
  await t.throwsAsync(runPage(site, "index.html", {}, "false"), { message: /false ended by itself \(1\)/ });
  t.deepEqual(profiles(), before);
});
