import test from "ava";
import { runCli } from "./run-cli.js";

test("describe reports rows, width and popcounts", async (t) => {
  const { stdout, code } = await runCli(["describe", "test/data/febrl4-1k/clks-a.json"]);
  t.is(code, 0);
  t.regex(stdout, /^rows +1,000$/m);
  t.regex(stdout, /^byteLength +128 \(1024 bits\)$/m);
  t.regex(stdout, /^set bits +mean 600\.5 \(58\.6 %\)/m);
  t.notRegex(stdout, /Warning/);
});

test("describe --format json includes the whole distribution", async (t) => {
  const { stdout } = await runCli(
    ["describe", "-", "--format", "json", "--byte-length", "2"],
    Buffer.from([1, 0, 3, 0, 255, 255]),
  );
  const description = JSON.parse(stdout);
  t.is(description.recordCount, 3);
  t.deepEqual(description.popcounts.counts, [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

test("describe warns about empty, full and duplicate CLKs", async (t) => {
  const { stdout, code } = await runCli(
    ["describe", "-"],
    JSON.stringify({ clks: ["AAA=", "//8=", "AQI=", "AQI="] }),
  );
  t.is(code, 0);
  t.regex(stdout, /Warning: 1 of 4 records has no bit set/);
  t.regex(stdout, /Warning: 1 of 4 records has all bits set/);
  t.regex(stdout, /Warning: 1 of 4 records equals an earlier/);
});

test("describe exits with code 2 if it cannot read its input", async (t) => {
  for (const [args, message] of [
    [["nope"], /does not exist/],
    [[], /missing required argument/],
    [["-"], /is empty/],
  ] as const) {
    const { code, stderr } = await runCli(["describe", ...args]);
    t.is(code, 2);
    t.regex(stderr, message);
  }
});
