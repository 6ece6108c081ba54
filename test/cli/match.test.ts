import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { parseCandidateFile } from "../../src/library/node.js";
import { runCli, scratchFolder } from "./run-cli.js";

const folder = "test/data/febrl4-1k";
const A = `${folder}/clks-a.json`;
const B = `${folder}/clks-b.json`;
const TRUTH = `${folder}/entity-ids.json`;
const ids: { a: string[]; b: string[] } = JSON.parse(readFileSync(TRUTH, "utf8"));

for (const [threshold, pairs, correct] of [
  [0.95, 472, 472],
  [0.9, 718, 718],
  [0.8, 946, 946],
  [0.7, 7215, 997],
] as const) {
  test(`scores at ${threshold} are the data's known ${pairs} pairs, as the REST API gives them`, async (t) => {
    const { code, stdout, stderr } = await runCli([
      "match",
      A,
      B,
      "--threshold",
      `${threshold}`,
      "--result",
      "scores",
    ]);
    t.is(code, 0);
    t.is(stderr, "", "silence in a pipe");
    const { similarity_scores: scores } = JSON.parse(stdout) as {
      similarity_scores: [number[], number[], number][];
    };
    t.is(scores.length, pairs);
    t.true(scores.every(([left, right, score]) => left[0] === 0 && right[0] === 1 && score >= threshold));
    t.is(scores.filter(([left, right]) => ids.a[left[1]!] === ids.b[right[1]!]).length, correct);
  });
}

test("groups are the default, as the REST API gives them", async (t) => {
  const { stdout } = await runCli(["match", A, B, "--threshold", "0.8"]);
  const { groups } = JSON.parse(stdout) as { groups: [number, number][][] };
  t.is(groups.length, 946);
  for (const [left, right] of groups) t.is(ids.a[left![1]], ids.b[right![1]]);
});

test("the binary candidate file holds the same as the JSON", async (t) => {
  const args = ["match", A, B, "--threshold", "0.7", "--result", "scores"];
  const binary = parseCandidateFile((await runCli([...args, "--format", "binary"])).stdoutBytes);
  const json = JSON.parse((await runCli(args)).stdout) as {
    similarity_scores: [number[], number[], number][];
  };
  t.deepEqual(
    Array.from(binary.scores),
    json.similarity_scores.map(([, , score]) => score),
  );
  t.deepEqual(
    Array.from(binary.rightRecords),
    json.similarity_scores.map(([, right]) => right[1]),
  );
});

test("raw, gzip-compressed, piped and JSON inputs give the same result", async (t) => {
  const scratch = scratchFolder();
  const zipped = join(scratch, "a.json.gz");
  writeFileSync(zipped, gzipSync(readFileSync(A)));
  const expected = (await runCli(["match", A, B, "--threshold", "0.9"])).stdout;
  const raw = ["--byte-length", "128"];
  const cases: [string[], Buffer?][] = [
    [[`${folder}/clks-a.bin`, B, ...raw]],
    [[`${folder}/clks-a.bin`, `${folder}/clks-b.bin`, ...raw]],
    [[zipped, B]],
    [["-", B], readFileSync(A)],
    [["-", B, ...raw], readFileSync(`${folder}/clks-a.bin`)],
    [["-", B], gzipSync(readFileSync(A))],
  ];
  for (const [files, input] of cases) {
    const { stdout, stderr } = await runCli(["match", ...files, "--threshold", "0.9"], input);
    t.is(stdout, expected, `${files.join(" ")}: ${stderr}`);
  }
});

test("every kernel and any number of threads print the same", async (t) => {
  const expected = (await runCli(["match", A, B, "--threshold", "0.8", "--result", "scores"])).stdout;
  for (const more of [
    ["--kernel", "reference"],
    ["--kernel", "scalar", "--threads", "2"],
    ["--threads", "3"],
  ]) {
    t.is(
      (await runCli(["match", A, B, "--threshold", "0.8", "--result", "scores", ...more])).stdout,
      expected,
    );
  }
});

test("permutations line up exactly on the mask", async (t) => {
  const args = ["match", A, B, "--threshold", "0.8", "--result", "permutations"];
  const { mask, permutations } = JSON.parse((await runCli(args)).stdout) as {
    mask: number[];
    permutations: number[][];
  };
  t.is(mask.filter((bit) => bit === 1).length, 946);
  const [rowOfA, rowOfB] = permutations.map((permutation) => {
    t.deepEqual(
      [...permutation].sort((x, y) => x - y),
      Array.from({ length: 1000 }, (_, n) => n),
    );
    const rows: number[] = [];
    permutation.forEach((place, row) => {
      rows[place] = row;
    });
    return rows;
  });
  mask.forEach((bit, place) => {
    if (bit) t.is(ids.a[rowOfA![place]!], ids.b[rowOfB![place]!]);
  });
  const lines = (await runCli([...args, "--format", "csv"])).stdout.trimEnd().split("\n");
  t.is(lines[0], "party,row,new_row,matched");
  t.is(lines.length, 2001);
  t.is(lines.filter((line) => line.endsWith(",1")).length, 2 * 946);
});

test("CSV puts the user's ids beside rows, from lines or a column", async (t) => {
  const scratch = scratchFolder();
  const [lineFile, csvFile] = [join(scratch, "a.txt"), join(scratch, "b.csv")];
  writeFileSync(lineFile, ids.a.map((id) => `p,${id}`).join("\r\n"));
  writeFileSync(csvFile, `name,id\n${ids.b.map((id) => `"x, ""y""",${id}`).join("\n")}\n`);
  const args = ["match", A, B, "--threshold", "0.9", "--format", "csv", "--ids", lineFile, `${csvFile}:id`];
  const groups = (await runCli(args)).stdout.trimEnd().split("\n");
  t.is(groups[0], "group,party,row,id");
  t.is(groups[1], `0,0,${groups[1]!.split(",")[2]},"p,${ids.a[Number(groups[1]!.split(",")[2])]}"`);
  t.is(groups.length, 1 + 2 * 718);
  const scores = (await runCli([...args, "--result", "scores"])).stdout.trimEnd().split("\n");
  t.is(scores[0], "party_a,row_a,id_a,party_b,row_b,id_b,score");
  t.is(scores.length, 1 + 718);
  for (const line of scores.slice(1)) {
    const [, rowA, idA, rowB, idB] = /^0,(\d+),"p,(\w+)",1,(\d+),(\w+),/.exec(line)!;
    t.is(ids.a[Number(rowA)], idA);
    t.is(ids.b[Number(rowB)], idB);
    t.is(idA, idB);
  }
  const names = (await runCli([...args.slice(0, -1), `${csvFile}:name`])).stdout.split("\n");
  t.true(names[2]!.endsWith(',"x, ""y"""'));
});

test("the truth adds precision, recall and F1", async (t) => {
  const { stderr, stdout } = await runCli(["match", A, B, "--threshold", "0.8", "--truth", TRUTH]);
  t.is(
    stderr,
    "precision 100.00 %, recall 94.60 %, F1 97.23 % (946 of 946 found pairs are right, of 1000 that exist)\n",
  );
  t.notThrows(() => JSON.parse(stdout));
  const low = await runCli([
    "match",
    A,
    B,
    "--threshold",
    "0.7",
    "--truth",
    TRUTH,
    "--result",
    "scores",
    "--format",
    "csv",
  ]);
  t.regex(low.stderr, /^precision 13\.82 %, recall 99\.70 %, .*\(997 of 7215 found/);
});

test("the summary has a histogram, and a JSON form", async (t) => {
  const args = ["match", A, B, "--threshold", "0.8", "--result", "summary", "--truth", TRUTH];
  const { stdout } = await runCli(args);
  t.regex(stdout, /^pairs +946 with a score of at least 0\.8$/m);
  t.regex(stdout, /^groups +946$/m);
  t.regex(stdout, /^of groups +precision 100\.00 %, recall 94\.60 %/m);
  t.regex(stdout, /^ {2}0\.980–0\.990 +140 {2}█{40}$/m);
  const summary = JSON.parse((await runCli([...args, "--format", "json"])).stdout);
  t.is(summary.pairs, 946);
  t.is(summary.comparisons, 1_000_000);
  t.is(summary.quality.groups.recall, 0.946);
  t.is(
    summary.scores.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    946,
  );
});

test("three parties, and blocks", async (t) => {
  const scratch = scratchFolder();
  const { clks } = JSON.parse(readFileSync(A, "utf8")) as { clks: string[] };
  const blocked = (party: number) => {
    const file = join(scratch, `${party}.json`);
    writeFileSync(
      file,
      JSON.stringify({
        clknblocks: clks.slice(0, 50).map((clk, row) => [clk, row % 2 ? "odd" : party, "even "]),
      }),
    );
    return file;
  };
  const { groups } = JSON.parse((await runCli(["match", A, A, B, "--threshold", "0.9"])).stdout) as {
    groups: unknown[][];
  };
  t.is(groups.filter((group) => group.length === 3).length, 718);
  const files = [blocked(0), blocked(1)];
  const scores = JSON.parse(
    (await runCli(["match", ...files, "--threshold", "1", "--result", "scores"])).stdout,
  );
  t.is(scores.similarity_scores.length, 50);
  const mixed = await runCli(["match", files[0]!, B, "--threshold", "1"]);
  t.is(mixed.code, 2);
  t.regex(mixed.stderr, /blocks/);
});

test("--out writes a complete file or none", async (t) => {
  const scratch = scratchFolder();
  const out = join(scratch, "groups.json");
  t.is((await runCli(["match", A, B, "--threshold", "0.8", "--out", out])).stdout, "");
  t.is(JSON.parse(readFileSync(out, "utf8")).groups.length, 946);
  const failed = join(scratch, "failed.json");
  t.is((await runCli(["match", A, "missing.json", "--threshold", "0.8", "--out", failed])).code, 2);
  t.false(existsSync(failed));
  t.is((await runCli(["match", A, B, "--threshold", "0.8", "--out", join(scratch, "no", "x.json")])).code, 2);
  t.deepEqual(readdirSync(scratch), ["groups.json"]);
});

test("a reader that closes the pipe early ends the command quietly", async (t) => {
  const command = `"${process.execPath}" dist/cli/main.js match ${A} ${B} --threshold 0.6 --result scores --format csv | head -n 2`;
  const child = spawn("bash", ["-c", `set -o pipefail; ${command}`], {
    cwd: new URL("../..", import.meta.url),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  t.is(await new Promise((resolve) => child.on("close", resolve)), 0);
  t.is(stderr, "");
  t.is(stdout.split("\n")[0], "party_a,row_a,party_b,row_b,score");
});

test("Ctrl-C stops the work, exits with 130 and leaves no file", async (t) => {
  const scratch = scratchFolder();
  const big = join(scratch, "big.bin");
  writeFileSync(big, Buffer.concat(new Array(20).fill(readFileSync(`${folder}/clks-a.bin`))));
  const out = join(scratch, "out.json");
  const args = [
    "dist/cli/main.js",
    "match",
    big,
    big,
    "--byte-length",
    "128",
    "--threshold",
    "0.9",
    "--kernel",
    "reference",
    "--out",
    out,
  ];
  const child = spawn(process.execPath, args, { cwd: new URL("../..", import.meta.url) });
  setTimeout(() => child.kill("SIGINT"), 6000);
  t.is(await new Promise((resolve) => child.on("close", resolve)), 130);
  t.deepEqual(readdirSync(scratch), ["big.bin"]);
});

test("bad input ends with exit code 2 and one helpful sentence", async (t) => {
  const scratch = scratchFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(scratch, name), content);
    return join(scratch, name);
  };
  const good = ["--threshold", "0.8"];
  const cases: [string[], RegExp][] = [
    [[A, B], /--threshold/],
    [[A, B, "--threshold", "0"], /above 0 and up to 1/],
    [[A, B, "--threshold", "x"], /above 0 and up to 1/],
    [[A, ...good], /two files/],
    [[A, "nope.json", ...good], /nope\.json does not exist/],
    [[A, folder, ...good], /is a folder/],
    [["-", "-", ...good], /only one input/],
    [[`${folder}/clks-a.bin`, B, ...good], /--byte-length.*fit 128/],
    [[`${folder}/clks-a.bin`, B, ...good, "--byte-length", "100000"], /from 1 to 4096/],
    [[`${folder}/clks-a.bin`, B, ...good, "--byte-length", "127"], /multiple of byteLength 127/],
    [[A, file("empty", ""), ...good], /is empty/],
    [[A, file("broken.json", '{"clks": ["AAAA",'), ...good], /broken\.json/],
    [[A, file("syntax.json", '{"clks" ["AAAA"]}'), ...good], /syntax\.json/],
    [
      [A, file("rows.json", '{"clks": ["AAAA", "!!!!", "AA=="]}'), ...good],
      /2 wrong rows \(row 1: .*; row 2: /,
    ],
    [[A, file("narrow.json", '{"clks": ["AAAA"]}'), ...good], /128 bytes.*3 bytes/],
    [[A, TRUTH, ...good], /clks, clknblocks or encodings/],
    [[A, B, ...good, "--kernel", "warp"], /bit-sliced, scalar, reference/],
    [[A, B, ...good, "--threads", "0"], /from 1 to 256/],
    [[A, B, ...good, "--result", "all"], /groups, scores, permutations, summary/],
    [[A, B, ...good, "--format", "binary"], /--result scores/],
    [[A, B, A, ...good, "--result", "permutations"], /two files, not 3/],
    [[A, B, ...good, "--out", A], /must not be one of the inputs/],
    [[A, B, ...good, "--ids", TRUTH, TRUTH], /--format csv/],
    [[A, B, ...good, "--format", "csv", "--ids", TRUTH], /2 files/],
    [[A, B, ...good, "--format", "csv", "--ids", TRUTH, TRUTH], /has 1 ids, but data set 0 has 1000 rows/],
    [[A, B, ...good, "--format", "csv", "--ids", `${TRUTH}:id`, TRUTH], /--ids/],
    [[A, B, ...good, "--truth", "nope"], /nope does not exist/],
    [[A, B, ...good, "--truth", A], /one list of ids for each of the 2/],
    [[A, B, ...good, "--frobnicate"], /unknown option/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runCli(["match", ...args]);
    t.is(code, 2, `${args.join(" ")}: ${stderr}`);
    t.regex(stderr, message);
    t.regex(stderr, /^anonlink-wasm: [^\n]+\n(\(Did you mean[^\n]*\n)?$/, "one sentence, no stack trace");
    t.is(stdout, "");
  }
  t.is((await runCli(["matsch"])).code, 2);
});

test("help and version", async (t) => {
  t.regex((await runCli(["match", "--help"])).stdout, /--byte-length/);
  t.regex((await runCli(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});
