import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readClkBytes, readClkJson, readClkJsonStream, toBase64Array } from "../../src/library/node.js";
import { benchDataset } from "../datasets.js";
import { alternately, type Bench, type Section } from "../measure.js";

/** Reading CLKs: JSON as a string and as a stream, and raw records. */
export async function parseSection(bench: Bench): Promise<Section> {
  const rows = bench.quick ? 20_000 : 100_000;
  const { left } = benchDataset({ rows, onesShare: 50 });
  const path = fileURLToPath(new URL(`../../.cache/bench/clks-${rows}.json`, import.meta.url));
  if (!existsSync(path)) writeFileSync(path, JSON.stringify({ clks: toBase64Array(left) }));
  const text = readFileSync(path, "utf8");
  const megabytes = Math.round(text.length / 1e6);
  const question = { ask: "parse", path };
  const options = { countName: "rows", warmUps: 2 };
  const size = `${rows.toLocaleString("en-US")} rows`;
  const cells = [
    await alternately(
      bench,
      `${size} of JSON text (${megabytes} MB)`,
      () => readClkJson(text).dataset.recordCount,
      question,
      options,
    ),
    await alternately(
      bench,
      `${size} of JSON from a file, streamed`,
      async () => (await readClkJsonStream(createReadStream(path))).dataset.recordCount,
      question,
      options,
    ),
    await alternately(
      bench,
      `${size} raw`,
      () => readClkBytes(left.bytes, { byteLength: 128 }).dataset.recordCount,
      undefined,
      options,
    ),
  ];
  const about =
    "Ours against Python's `json.loads`, `base64.b64decode` and `bitarray.frombytes` of the same text.";
  return { title: "Reading CLKs", about, cells };
}
