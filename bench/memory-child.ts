// Compares two files of raw records for some seconds and prints the peak memory that it took.
import { createReadStream } from "node:fs";
import { availableParallelism } from "node:os";
import { compare, readClkByteStream } from "../src/library/node.js";

const [left, right] = await Promise.all(
  process.argv
    .slice(2, 4)
    .map(async (path) => (await readClkByteStream(createReadStream(path), { byteLength: 128 })).dataset),
);
const start = performance.now();
const controller = new AbortController();
setTimeout(() => controller.abort(), 1000 * Number(process.argv[4])).unref();
let comparisons = 0;
const threads = availableParallelism();
await compare(left!, right!, {
  ...{ threshold: 0.95, threads, signal: controller.signal },
  onProgress: (progress) => {
    comparisons = progress.comparisons;
  },
}).catch((error) => {
  if (!controller.signal.aborted) throw error;
});
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ peakBytes, comparisons, threads, seconds: (performance.now() - start) / 1000 }));
