import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { CLI, root, runCli, scratchFolder } from "./run-cli.js";

const folder = "test/data/febrl4-1k";
const A = `${folder}/clks-a.json`;
const B = `${folder}/clks-b.json`;
const match = ["match", A, B, "--threshold", "0.9"];

/** Runs a line of bash, in which $CLI stands for the command line. */
async function bash(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const quoted = CLI.map((word) => `"${word}"`).join(" ");
  const child = spawn("bash", ["-c", `set -o pipefail; ${line.replaceAll("$CLI", quoted)}`], { cwd: root });
  const texts = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (texts.stdout += chunk));
  child.stderr.on("data", (chunk) => (texts.stderr += chunk));
  const [code] = await once(child, "close");
  return { code, ...texts };
}

test("--out writes a complete file or none", async (t) => {
  const scratch = scratchFolder();
  const out = join(scratch, "groups.json");
  writeFileSync(out, "the last result");
  t.is((await runCli(["match", A, "missing.json", "--threshold", "0.9", "--out", out])).code, 2);
  t.is(readFileSync(out, "utf8"), "the last result", "a failure leaves it");
  t.is((await runCli([...match, "--out", out])).stdout, "");
  t.is(JSON.parse(readFileSync(out, "utf8")).groups.length, 718);
  const failed = join(scratch, "failed.json");
  t.is((await runCli(["match", A, "missing.json", "--threshold", "0.9", "--out", failed])).code, 2);
  t.false(existsSync(failed));
  t.deepEqual(readdirSync(scratch), ["groups.json"]);
});

test("--out never overwrites an input, also through a link", async (t) => {
  const scratch = scratchFolder();
  const [real, linked] = [join(scratch, "real.json"), join(scratch, "linked.json")];
  const content = readFileSync(A);
  writeFileSync(real, content);
  symlinkSync(real, linked);
  const ids = ["--format", "csv", "--ids", real, real];
  for (const args of [
    ["match", linked, B, "--threshold", "0.9", "--out", real],
    ["match", real, B, "--threshold", "0.9", "--out", linked],
    [...match, ...ids, "--out", real],
    [...match, "--truth", real, "--out", linked],
  ]) {
    const { code, stderr } = await runCli(args);
    t.is(code, 2);
    t.regex(stderr, /must not be one of the inputs/);
  }
  t.deepEqual(readFileSync(real), content);
});

test("--out follows a link and writes to a pipe", async (t) => {
  const scratch = scratchFolder();
  const [real, linked, pipe] = ["real.json", "linked.json", "pipe"].map((name) => join(scratch, name));
  writeFileSync(real!, "");
  symlinkSync(real!, linked!);
  t.is((await runCli([...match, "--out", linked!])).code, 0);
  t.true(lstatSync(linked!).isSymbolicLink());
  const expected = readFileSync(real!, "utf8");
  t.is(JSON.parse(expected).groups.length, 718);
  const piped = await bash(
    `mkfifo ${pipe} && { $CLI ${match.join(" ")} --out ${pipe} & cat ${pipe}; wait $!; }`,
  );
  t.deepEqual(piped, { code: 0, stdout: expected, stderr: "" });
  t.true(lstatSync(pipe!).isFIFO());
});

test("exits quietly if the reader closes the pipe early", async (t) => {
  const scores = `$CLI match ${A} ${B} --threshold 0.6 --result scores`;
  const { code, stdout, stderr } = await bash(`${scores} --format csv | head -n 2`);
  t.is(code, 0);
  t.is(stderr, "");
  t.regex(stdout, /^party_a,row_a,party_b,row_b,score\n0,\d+,1,\d+,1\n$/);
  for (const line of [
    `${scores} | true`,
    `${scores} --format binary | head -c 9 >/dev/null`,
    "$CLI --help | true",
  ]) {
    t.like(await bash(line), { code: 0, stderr: "" }, line);
  }
});

test("the error for a piped raw input suggests no byte length", async (t) => {
  const { stderr } = await bash(`$CLI match <(cat ${folder}/clks-a.bin) ${B} --threshold 0.9`);
  t.regex(stderr, /^anonlink-wasm: \S+ holds raw bytes; set --byte-length to the bytes per CLK\.\n$/);
});

test("invalid standard input exits at once while the writer keeps the pipe open", async (t) => {
  const child = spawn(CLI[0], [...CLI.slice(1), "match", "-", B, "--threshold", "0.9"], { cwd: root });
  child.stdin.on("error", () => {});
  child.stdin.write(`{"clks" [${" ".repeat(5000)}`);
  t.deepEqual(await once(child, "close"), [2, null]);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} during reading exits with ${code} and leaves no file`, async (t) => {
    const scratch = scratchFolder();
    const args = ["match", "-", B, "--threshold", "0.9", "--out", join(scratch, "out.json")];
    const child = spawn(CLI[0], [...CLI.slice(1), ...args], { cwd: root });
    child.stdin.on("error", () => {});
    // More than fits into a pipe: once it is written, the command is reading.
    await new Promise((resolve) => child.stdin.write(`{"clks": [${" ".repeat(2 ** 20)}`, resolve));
    child.kill(signal);
    t.deepEqual(await once(child, "close"), [code, null]);
    t.deepEqual(readdirSync(scratch), []);
  });
}

test("Ctrl-C during the comparison exits with 130 and leaves no file", async (t) => {
  const scratch = scratchFolder();
  const raw = readFileSync(`${folder}/clks-a.bin`);
  const big = join(scratch, "big.bin");
  writeFileSync(big, Buffer.concat(new Array(20).fill(raw)));
  const options = ["--byte-length", "128", "--threshold", "0.9", "--kernel", "reference"];
  const args = ["match", big, "-", ...options, "--out", join(scratch, "out.json")];
  const child = spawn(CLI[0], [...CLI.slice(1), ...args], { cwd: root });
  await new Promise<void>((resolve) => child.stdin.end(readFileSync(big), () => resolve()));
  // The input is read, and the comparison takes minutes. The assertions also hold if it has not started yet.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  child.kill("SIGINT");
  t.deepEqual(await once(child, "close"), [130, null]);
  t.deepEqual(readdirSync(scratch), ["big.bin"]);
});
