// Builds everything: kernels (asc) → embedded modules, the API's types → dist (tsc).
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true }); // files that were moved or removed must not remain
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

// A thread's whole program as one string, so that no bundler has to find a second file, in Node or in a browser.
async function embedProgram(entryPoint, target, name, comment, options) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [entryPoint],
    bundle: true,
    minify: true,
    write: false,
    target: "es2022",
    ...options,
  });
  const text = JSON.stringify(outputFiles[0].text);
  writeFileSync(target, `/** ${comment} */\nexport const ${name} = ${text};\n`);
}

await embedProgram(
  "src/library/thread-main.ts",
  "src/library/thread-source.generated.ts",
  "THREAD_SOURCE",
  "The program of a comparison thread, bundled.",
  { format: "iife", platform: "neutral", mainFields: ["module", "main"] },
);
await embedProgram(
  "src/worker/solving-thread.ts",
  "src/worker/solving-thread-source.generated.ts",
  "SOLVING_THREAD_SOURCE",
  "The program of a thread that solves, bundled.",
  { format: "cjs", platform: "node" },
);

await import("./generate-api.js");

run("tsc", "-p", "tsconfig.build.json");
