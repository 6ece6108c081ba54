// The two tarballs, as users get them.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const tarball = (name: string) => join(root, "build", `${name}-${version}.tgz`);
const scratch = mkdtempSync(join(tmpdir(), "anonlink-wasm-"));

test.before("pack, and install the library in a scratch project", async () => {
  await run(process.execPath, ["scripts/pack.js"], { cwd: root });
  writeFileSync(
    join(scratch, "package.json"),
    JSON.stringify({ name: "scratch", private: true, type: "module" }),
  );
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball("anonlink-wasm")], {
    cwd: scratch,
  });
  cpSync(join(root, "test/data/febrl4-1k"), join(scratch, "data"), { recursive: true });
});

test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

test("the library is one package of under 200 KB without dependencies", async (t) => {
  t.true(statSync(tarball("anonlink-wasm")).size < 200_000);
  const content = await run("tar", ["xzOf", tarball("anonlink-wasm")], { encoding: "buffer" });
  t.true(content.stdout.length < 200_000, `${content.stdout.length} bytes unpacked`);
  const { stdout } = await run("npm", ["ls", "--all", "--parseable"], { cwd: scratch });
  t.is(stdout.trim().split("\n").length, 2, "the scratch project and the library");
  const manifest = JSON.parse(readFileSync(join(scratch, "node_modules/anonlink-wasm/package.json"), "utf8"));
  t.is(manifest.version, version);
  t.is(manifest.dependencies, undefined);
});

test("both entry points export the same", async (t) => {
  const [node, browser] = await Promise.all(
    ["node", "browser"].map((name) => import(join(scratch, `node_modules/anonlink-wasm/${name}.js`))),
  );
  t.deepEqual(Object.keys(browser), Object.keys(node));
});

for (const threads of [1, 2]) {
  test(`the installed library links febrl4-1k (${threads} threads), and the process exits`, async (t) => {
    const program = `
      import { readFileSync } from "node:fs";
      import { link, readClkJson } from "anonlink-wasm";
      const read = (name) => readClkJson(readFileSync("data/" + name));
      const { pairs, statistics } = await link([read("clks-a.json"), read("clks-b.json")], { threshold: 0.8, threads: ${threads} });
      console.log(pairs.scores.length, statistics.threads);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: scratch,
      timeout: 600_000,
    });
    t.is(stdout, `946 ${threads}\n`);
  });
}

for (const [module, resolution] of [
  ["NodeNext", "NodeNext"],
  ["ESNext", "Bundler"],
]) {
  test(`the declarations compile in a project without Node's types (${resolution})`, async (t) => {
    const source = join(scratch, `${resolution}.ts`);
    const names = Object.keys(await import(join(scratch, "node_modules/anonlink-wasm/node.js")));
    t.true(names.includes("link"));
    writeFileSync(
      source,
      `import { compare, createClkDataset, type CandidatePairs, LinkageError } from "anonlink-wasm";
       import * as library from "anonlink-wasm";
       export const declared: [${names.map((name) => `typeof library.${name}`)}] | undefined = undefined;
       export const undeclared: Exclude<keyof typeof library, ${names.map((name) => `"${name}"`).join(" | ")}> extends never ? true : false = true;
       const data = createClkDataset(new Uint8Array(16), 8);
       const pairs: CandidatePairs = (await compare(data, data, { threshold: 0.9, threads: 1 })).pairs;
       export const best: number | undefined = pairs.scores[0];
       export const isOurs = (error: unknown) => error instanceof LinkageError && error.code === "invalid-option";
       // @ts-expect-error a kernel that does not exist
       await compare(data, data, { threshold: 0.9, kernel: "warp" });`,
    );
    const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2023,dom"];
    const resolutionOptions = ["--module", module!, "--moduleResolution", resolution!];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    await t.notThrowsAsync(
      run(process.execPath, [tsc, ...options, ...resolutionOptions, source], { cwd: scratch }).catch(
        (error) => {
          throw new Error(error.stdout);
        },
      ),
    );
  });
}

test("the service package contains only the built command, and declares exactly its dependencies", async (t) => {
  const { stdout } = await run("tar", ["tzf", tarball("anonlink-wasm-service")]);
  const files = stdout.trim().split("\n");
  t.true(files.includes("package/dist/cli/main.js"));
  t.true(files.includes("package/dist/library/thread-source.generated.js"));
  t.deepEqual(
    files.filter((file) => !/^package\/(dist\/|package\.json|README\.md|LICENSE)/.test(file)),
    [],
  );
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const imported = new Set<string>();
  for (const file of files.filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(join(root, file.replace("package/", "")), "utf8");
    for (const [, name] of text.matchAll(/^(?:import|export) [^"]*from "([^.][^"]*)"/gm)) imported.add(name!);
  }
  const packages = new Set<string>();
  for (const name of imported) {
    if (!name.startsWith("node:")) packages.add(/^(@[^/]+\/)?[^/]+/.exec(name)![0]);
  }
  t.deepEqual([...packages].sort(), Object.keys(dependencies).sort());
});
