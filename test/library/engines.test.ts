// Engines without SIMD or without WebAssembly.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { chooseKernel } from "../../src/core/kernel/choose-kernel.js";
import { Kernels } from "../../src/core/kernel/kernels.js";
import { compileModules } from "../../src/core/kernel/wasm-modules.js";
import { overlapLimits } from "../../src/core/overlap-limits.js";
import { LinkageError } from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";

const dataset = randomClks(seededRandom(1), { recordCount: 1000, byteLength: 128 });
const limits = overlapLimits(0.9, 128);

test("without SIMD uses the scalar kernel, and explains why the other is unavailable", async (t) => {
  const { scalar } = await compileModules();
  const kernels = await Kernels.load({ scalar });
  const counted = { dataset, popcounts: kernels.get("scalar").popcounts(dataset) };
  t.is(chooseKernel(kernels, counted, counted, limits), "scalar");
  const error = t.throws(() => chooseKernel(kernels, counted, counted, limits, "bit-sliced"), {
    instanceOf: LinkageError,
  });
  t.is(error.code, "kernel-unavailable");
  t.regex(error.message, /reference, scalar/);
});

test("without WebAssembly modules uses the reference kernel", async (t) => {
  const kernels = await Kernels.load({});
  const counted = { dataset, popcounts: kernels.get("reference").popcounts(dataset) };
  t.is(chooseKernel(kernels, counted, counted, limits), "reference");
});

for (const threads of [1, 2]) {
  test(`without WebAssembly, febrl4-1k still gives its 946 pairs (${threads} threads)`, async (t) => {
    const program = `
      import { readFileSync } from "node:fs";
      import { link, readClkJson } from "./dist/library/node.js";
      const read = (name) => readClkJson(readFileSync("test/data/febrl4-1k/" + name));
      const result = await link([read("clks-a.json"), read("clks-b.json")], { threshold: 0.8, threads: ${threads} });
      console.log(typeof WebAssembly, result.pairs.scores.length, result.statistics.kernel);`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--noexpose_wasm", "--input-type=module", "--eval", program],
      { cwd: new URL("../..", import.meta.url) },
    );
    t.is(stdout, "undefined 946 reference\n");
  });
}
