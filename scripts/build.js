// Builds everything: kernels (asc) → embedded modules, the API's types → dist (tsc).
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true }); // what was moved or removed must not stay
mkdirSync("build", { recursive: true });

const run = (command, ...args) => execFileSync(`node_modules/.bin/${command}`, args, { stdio: "inherit" });

run("asc", "assembly/scalar-kernel.ts", "--target", "scalar");
run("asc", "assembly/bit-sliced-kernel.ts", "--target", "bit-sliced");
const base64 = (name) => readFileSync(`build/${name}.wasm`, "base64");
writeFileSync(
  "src/core/kernel/kernel-wasm.generated.ts",
  `/** The compiled kernels of assembly/, in base64. */
export const SCALAR_WASM = "${base64("scalar")}";
export const BIT_SLICED_WASM = "${base64("bit-sliced")}";
`,
);

// A thread's whole program as one text: no bundler needs to find a second file, in Node or in a browser.
const thread = await esbuild.build({
  entryPoints: ["src/library/thread-main.ts"],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
});
writeFileSync(
  "src/library/thread-source.generated.ts",
  `/** The program of a comparison thread, bundled. */
export const THREAD_SOURCE = ${JSON.stringify(thread.outputFiles[0].text)};
`,
);

await import("./generate-api.js");

run("tsc", "-p", "tsconfig.build.json");
