// Packs the two tarballs in build/: the library `anonlink-wasm`, alone and without dependencies, and the checkout
// itself, `anonlink-wasm-service`.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { bundleDeclarations } from "./bundle-declarations.js";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { version, license, description, engines } = JSON.parse(readFileSync("package.json", "utf8"));
const library = "./build/library";

rmSync(library, { recursive: true, force: true });
mkdirSync(library, { recursive: true });

await esbuild.build({
  entryPoints: { node: "src/library/node.ts", browser: "src/library/browser.ts" },
  outdir: library,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  external: ["node:os", "node:worker_threads"],
  splitting: true,
  chunkNames: "shared-[hash]",
  minify: true,
  banner: {
    js: "// anonlink-wasm, Apache-2.0. With @assemblyscript/loader inside, Apache-2.0, by its authors.",
  },
});

writeFileSync(`${library}/index.d.ts`, bundleDeclarations("dist/library/index.d.ts"));

const types = "./index.d.ts";
const manifest = {
  name: "anonlink-wasm",
  version,
  description,
  license,
  keywords: ["record linkage", "privacy", "bloom filter", "clk", "dice", "webassembly"],
  type: "module",
  engines,
  main: "./node.js",
  types,
  exports: {
    ".": { types, node: "./node.js", default: "./browser.js" },
    "./package.json": "./package.json",
  },
  browser: "./browser.js",
};
writeFileSync(`${library}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
cpSync("docs/library.md", `${library}/README.md`);
cpSync("LICENSE", `${library}/LICENSE`);

for (const folder of [library, "."]) {
  execFileSync("npm", ["pack", folder, "--pack-destination", "build", "--ignore-scripts", "--silent"], {
    stdio: "inherit",
  });
}
