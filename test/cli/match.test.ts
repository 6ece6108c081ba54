import { readFileSync, writeFileSync } from "node:fs";
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
  [0.6, 761_514, 1000],
] as const) {
  test(`scores at ${threshold} are the ${pairs} known pairs, in the REST API's format`, async (t) => {
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

test("prints groups by default, in the REST API's format", async (t) => {
  const { stdout } = await runCli(["match", A, B, "--threshold", "0.8"]);
  const { groups } = JSON.parse(stdout) as { groups: [number, number][][] };
  t.is(groups.length, 946);
  for (const [left, right] of groups) t.is(ids.a[left![1]], ids.b[right![1]]);
});

test("the binary candidate file holds the same scores as the JSON", async (t) => {
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

test("the output does not depend on the kernel or the number of threads", async (t) => {
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

test("permutations align exactly where the mask is set", async (t) => {
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

test("CSV output includes the user's ids, read from lines or a column", async (t) => {
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
  const apart = [A, B, "--threshold", "0.9", "--format", "csv", "--ids", csvFile, "--ids", `${csvFile}:`];
  t.is(
    (await runCli(["match", ...apart])).stdout.split("\n")[2],
    names[2],
    "the first column without a name",
  );
});

test("--truth adds precision, recall and F1", async (t) => {
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
  const scratch = join(scratchFolder(), "truth.json");
  writeFileSync(scratch, JSON.stringify({ a: ids.a.map(Number), b: ids.b }));
  const numbers = await runCli(["match", A, B, "--threshold", "0.8", "--truth", scratch]);
  t.is(numbers.stderr, stderr, "1 and the string 1 are the same id");
  t.regex(low.stderr, /^precision 13\.82 %, recall 99\.70 %, .*\(997 of 7215 found/);
});

test("the summary includes a histogram and is available as JSON", async (t) => {
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

test("links three parties, and records with blocks", async (t) => {
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
  const csv = ["match", A, A, B, "--threshold", "0.95", "--format", "csv", "--result", "scores"];
  const parties = (await runCli(csv)).stdout.split("\n").map((line) => line.replace(/,\d+(,.),.*/, "$1"));
  t.deepEqual([...new Set(parties)].sort(), ["", "0,1", "0,2", "1,2", "party_a,row_a,party_b,row_b,score"]);
  const files = [blocked(0), blocked(1)];
  const scores = JSON.parse(
    (await runCli(["match", ...files, "--threshold", "1", "--result", "scores"])).stdout,
  );
  t.is(scores.similarity_scores.length, 50);
  const mixed = await runCli(["match", files[0]!, B, "--threshold", "1"]);
  t.is(mixed.code, 2);
  t.regex(mixed.stderr, /Only .*0\.json has blocks; .*clks-b\.json has none\./);
});

test("prints help and version", async (t) => {
  t.regex((await runCli(["match", "--help"])).stdout, /--byte-length/);
  t.regex((await runCli(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});
