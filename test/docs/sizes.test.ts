// The arithmetic in docs/operations.md: its rates match the published ones, and hours and tasks follow from them.
import test from "ava";
import { splitIntoChunks } from "../../src/core/chunks.js";
import { readText, tableRows } from "./documents.js";

const CORES = 2;
const CHUNK_SIZE_AIM = 300_000_000;

const rows = tableRows("docs/operations.md");
const results = readText("bench/RESULTS.md");

/** The number that follows a string in the results. */
function published(before: string): number {
  const at = results.indexOf(before);
  if (at < 0) throw new Error(`bench/RESULTS.md has no ${before}`);
  return Number(/[\d.]+/.exec(results.slice(at + before.length))![0]);
}

/** The rates in the document's table, starting at the row whose first cell starts with `first`. */
function ratesOf(first: string): number[] {
  const start = rows.findIndex(([cell = ""]) => cell.startsWith(first));
  const count = first.startsWith("comparing alone") ? 4 : 1;
  return rows.slice(start, start + count).map(([, , rate = ""]) => Number(rate.replaceAll(",", "")));
}

function isNear(actual: number, expected: number): boolean {
  return Math.abs(actual - expected) < expected / 200;
}

test("the rates match the published results", (t) => {
  const [worker = 0] = ratesOf("worker, everything included");
  const large = /large chunks.*?([\d.]+) million comparisons a second/.exec(results)![1];
  t.true(isNear(worker, Number(large) / CORES), `worker: ${large}`);
  const [serve = 0] = ratesOf("`serve`");
  const whole = /… waiting and comparing.*?([\d.]+) million comparisons a second/.exec(results)![1];
  t.true(isNear(serve, Number(whole) / CORES), `serve: ${whole}`);
  // Node 20's results come first: the time for 20,000² comparisons in milliseconds, or in seconds for the last one.
  const kernels = [0.95, 0.9, 0.8, 0.7].map((threshold) =>
    published(`58 % ones, 20,000 rows, ${threshold} | `),
  );
  const expected = kernels.map((time) => 400 / (time > 5 ? time / 1000 : time));
  const described = ratesOf("comparing alone");
  t.true(
    described.every((rate, n) => isNear(rate, expected[n]!)),
    `${described} and ${expected}`,
  );
});

test("hours and task counts follow from the rate", (t) => {
  const [rate = 0] = ratesOf("worker, everything included");
  const start = rows.findIndex(([, second]) => second === "comparisons");
  for (const [records = "", , hours, , , tasks] of rows.slice(start + 1, start + 4)) {
    const count = Number(records.replaceAll(",", ""));
    t.is(hours, String(Number((count ** 2 / (rate * 1e6 * 3600)).toPrecision(2))));
    let chunks = 0;
    for (const _ of splitIntoChunks(count, count, CHUNK_SIZE_AIM)) chunks++;
    t.is(tasks, chunks.toLocaleString("en-US"));
  }
});
