import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { runCli, scratchFolder } from "./run-cli.js";

const folder = "test/data/febrl4-1k";
const A = `${folder}/clks-a.json`;
const B = `${folder}/clks-b.json`;
const TRUTH = `${folder}/entity-ids.json`;
const good = ["--threshold", "0.8"];
const csv = [...good, "--format", "csv"];

const scratch = scratchFolder();
function file(name: string, content: string | Buffer): string {
  writeFileSync(join(scratch, name), content);
  return join(scratch, name);
}
const raw = readFileSync(`${folder}/clks-a.bin`);
const thousand = Array.from({ length: 1000 }, (_, n) => `${n}\n`).join("");
const truth = (a: unknown) => JSON.stringify({ a, b: new Array(1000).fill("x") });

const cases: Record<string, [string[], RegExp][]> = {
  options: [
    [[A, B], /--threshold/],
    [[A, B, "--threshold", "0"], /above 0 and up to 1/],
    [[A, B, "--threshold", "1.1"], /above 0 and up to 1/],
    [[A, B, "--threshold", "x"], /above 0 and up to 1/],
    [[A, B, ...good, "--kernel", "warp"], /bit-sliced, scalar, reference/],
    [[A, B, ...good, "--threads", "0"], /from 1 to 256/],
    [[A, B, ...good, "--threads", "1.5"], /from 1 to 256/],
    [[A, B, ...good, "--byte-length", "100000"], /from 1 to 4096/],
    [[A, B, ...good, "--result", "all"], /groups, scores, permutations, summary/],
    [[A, B, ...good, "--format", "binary"], /--result scores/],
    [[A, B, ...good, "--result", "summary", "--format", "csv"], /no CSV form/],
    [[A, B, A, ...good, "--result", "permutations"], /two files, not 3/],
    [[A, B, ...good, "--frobnicate"], /unknown option/],
    [[A, ...good], /two or more files/],
    [["-", "-", ...good], /Only one input/],
  ],
  inputs: [
    [[A, "nope.json", ...good], /nope\.json does not exist/],
    [[A, join(A, "x"), ...good], /does not exist/],
    [[A, folder, ...good], /is a folder/],
    [[A, file("empty", ""), ...good], /is empty/],
    [[`${folder}/clks-a.bin`, B, ...good], /--byte-length.*128000 bytes would fit 128/],
    [[file("raw.gz", gzipSync(raw)), B, ...good], /--byte-length to the bytes per CLK\.\n/],
    [[`${folder}/clks-a.bin`, B, ...good, "--byte-length", "127"], /multiple of byteLength 127/],
    [[A, file("broken.gz", gzipSync(raw).subarray(0, 999)), ...good, "--byte-length", "128"], /damaged/],
    [[A, file("broken.json", '{"clks": ["AAAA",'), ...good], /broken\.json/],
    [[A, file("syntax.json", '{"clks" ["AAAA"]}'), ...good], /syntax\.json/],
    [[A, file("row.json", '{"clks": ["AAAA", "!!!!"]}'), ...good], /has an invalid row \(row 1: /],
    [
      [A, file("rows.json", '{"clks": ["AAAA", "!!!!", "AA=="]}'), ...good],
      /2 invalid rows \(row 1: .*; row 2: /,
    ],
    [
      [A, file("many.json", JSON.stringify({ clks: ["AAAA", ...new Array(300).fill("!!!!")] })), ...good],
      /300 invalid rows \(row 1: .*; and 295 more\)\./,
    ],
    [[A, file("narrow.json", '{"clks": ["AAAA"]}'), ...good], /narrow\.json have 3 .*a\.json have 128\./],
    [[A, file("none.json", '{"clks": []}'), ...good], /at least one row/],
    [[A, TRUTH, ...good], /clks, clknblocks or encodings/],
  ],
  "other files": [
    [[A, B, ...good, "--out", A], /must not be one of the inputs/],
    [[A, B, ...good, "--out", scratch], /is a folder/],
    [[A, B, ...good, "--out", join(scratch, "no", "x.json")], /its folder does not exist/],
    [[A, B, ...good, "--ids", TRUTH, TRUTH], /--format csv/],
    [[A, B, ...csv, "--result", "summary", "--ids", TRUTH, TRUTH], /result with rows/],
    [[A, B, ...csv, "--ids", TRUTH], /2 files/],
    [[A, B, ...csv, "--ids", TRUTH, TRUTH], /has 1 ids, but .*clks-a\.json has 1000 rows/],
    [
      [A, B, ...csv, "--ids", file("bare.csv", thousand), TRUTH],
      /999 ids below its header, but .*clks-a\.json has 1000/,
    ],
    [[A, B, ...csv, "--ids", `${TRUTH}:id`, TRUTH], /--ids/],
    [[A, B, ...csv, "--ids", `${file("ab.csv", "a,b\n1,2\n")}:c`, TRUTH], /no column "c", only a, b\./],
    [[A, B, ...csv, "--ids", file("ragged.csv", "a,b\n1\n"), TRUTH], /ragged\.csv is not valid CSV: /],
    [[A, B, ...csv, "--ids", scratch, scratch], /is a folder/],
    [[A, B, ...csv, "--ids", "nope", "nope"], /nope does not exist/],
    [[A, B, ...good, "--truth", "nope"], /nope does not exist/],
    [[A, B, ...good, "--truth", scratch], /is a folder/],
    [[A, B, ...good, "--truth", `${folder}/clks-a.bin`], /is not JSON/],
    [[A, B, ...good, "--truth", A], /one list of ids for each of the 2/],
    [[A, B, ...good, "--truth", file("short.json", truth([1]))], /has 1 ids for data set 0/],
    [[A, B, ...good, "--truth", file("null.json", truth(new Array(1000).fill(null)))], /row 0 of data set 0/],
  ],
};

for (const [name, list] of Object.entries(cases)) {
  test(`bad ${name} exit with code 2 and a one-sentence error`, async (t) => {
    t.timeout(240_000); // many processes are started
    for (const [args, message] of list) {
      const { code, stdout, stderr } = await runCli(["match", ...args]);
      t.is(code, 2, `${args.join(" ")}: ${stderr}`);
      t.regex(stderr, message);
      t.regex(stderr, /^anonlink-wasm: [^\n]+\n(\(Did you mean[^\n]*\n)?$/, "one sentence, no stack trace");
      t.is(stdout, "");
    }
  });
}

test("an unknown or missing command exits with code 2", async (t) => {
  t.like(await runCli(["matsch"]), {
    code: 2,
    stderr: "anonlink-wasm: unknown command 'matsch'\n(Did you mean match?)\n",
  });
  const { code, stderr } = await runCli([]);
  t.is(code, 2);
  t.regex(stderr, /^Usage: anonlink-wasm/);
});

test("DEBUG=anonlink-wasm prints the stack trace", async (t) => {
  const { code, stderr } = await runCli(["match", A, "nope", ...good], "", { DEBUG: "x,anonlink-wasm" });
  t.is(code, 2);
  t.regex(stderr, /^anonlink-wasm: nope does not exist\.\nUsageError: .*\n +at /);
});
