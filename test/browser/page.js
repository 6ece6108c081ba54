// Runs in the page: links febrl4-1k in the scenario that the URL names, and posts the results to the test.
import { compare, createClkDataset, link, readClkBytes, readClkJsonStream } from "anonlink-wasm";

const scenarios = {
  async link() {
    const [left, right] = await Promise.all(
      ["a", "b"].map(async (side) => readClkJsonStream((await fetch(`/data/clks-${side}.json`)).body)),
    );
    const { pairs, groups, statistics } = await link([left, right], { threshold: 0.8, threads: 2 });
    const { kernel, threads } = statistics;
    return { pairs: pairs.scores.length, groups: groups.starts.length - 1, kernel, threads };
  },

  /** Some seconds of work in threads, while a timer of the page ticks. */
  async responsive() {
    const large = await largeDataset();
    const ticks = [];
    const timer = setInterval(() => ticks.push(performance.now()), 5);
    const progress = [];
    const options = { threshold: 0.9, kernel: "scalar", threads: 2 };
    const onProgress = () => progress.push(performance.now());
    const { statistics } = await compare(large, large, { ...options, onProgress });
    clearInterval(timer);
    const during = ticks.filter((time) => time > progress[0] && time < progress.at(-1));
    const { threads } = statistics;
    return { threads, progressReports: progress.length, ticksDuringWork: during.length };
  },

  async abort() {
    const large = await largeDataset();
    const controller = new AbortController();
    const options = { threshold: 0.9, kernel: "scalar", threads: 2, signal: controller.signal };
    let done = 0;
    const error = await compare(large, large, {
      ...options,
      onProgress: ({ comparisons }) => {
        done = comparisons;
        controller.abort();
      },
    }).catch((reason) => reason);
    const after = await scenarios.link();
    return { error: error.name, finished: done === large.recordCount ** 2, pairsAfter: after.pairs };
  },
};

/** Twelve copies of one party's encodings. */
async function largeDataset() {
  const bytes = new Uint8Array(await (await fetch("/data/clks-a.bin")).arrayBuffer());
  const large = new Uint8Array(12 * bytes.length);
  for (let copy = 0; copy < 12; copy++) large.set(bytes, copy * bytes.length);
  return createClkDataset(readClkBytes(large, { byteLength: 128 }).dataset.bytes, 128);
}

async function main() {
  const scenario = new URLSearchParams(location.search).get("scenario");
  const result = await scenarios[scenario]().catch((error) => ({
    failure: `${error.name}: ${error.message}`,
  }));
  await fetch("/result", {
    method: "POST",
    body: JSON.stringify({ isolated: crossOriginIsolated, ...result }),
  });
}
main();
