// The commands in the operators' documents, as a shell parses them: Helm accepts the values; the named objects exist in
// the chart, the services in Compose, and the options in our programs.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { parse } from "yaml";
import { helmProgram } from "../servers/helm-program.js";
import { renderChart, withPodsAndClaims } from "./chart-objects.js";
import { type CodeBlock, codeBlocks, inlineCode, OPERATOR_DOCUMENTS, readText } from "./documents.js";
import { checkKubectl } from "./kubectl-references.js";
import { type Command, ReadersFolder } from "./recorded-commands.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Blocks that other tests actually run. */
const RUN_ELSEWHERE = new Set(["first-linkage", "backup", "restore", "serve:backup", "serve:restore"]);

const blocks = [
  ...OPERATOR_DOCUMENTS.flatMap((document) => codeBlocks(document)),
  ...codeBlocks("README.md").filter(({ text }) => /^helm /m.test(text)),
];
const folder = new ReadersFolder(blocks);
test.after.always(() => folder.remove());

const inlineCommands = OPERATOR_DOCUMENTS.flatMap((document) =>
  inlineCode(document)
    .filter((code) => /^(?:helm \w+|kubectl --namespace|docker compose|anonlink-wasm) ./.test(code))
    .map((text) => ({ document, line: 0, text })),
);
const commands = [...blocks.filter(isShell), ...inlineCommands].flatMap((block) => folder.record(block));

function isShell({ language, marker }: CodeBlock): boolean {
  return language === "sh" && !RUN_ELSEWHERE.has(marker ?? "");
}

/** Each distinct command of a program, because test titles must be unique. */
function of(program: string): Command[] {
  const own = commands.filter((command) => command.program === program);
  return [...new Map(own.map((command) => [command.where, command])).values()];
}

/** Asserts that a help text lists all options of a command. */
function hasOptions(t: ExecutionContext, help: string, args: readonly string[], where: string): void {
  const known = new Set(help.match(/(?<=[\s,])--?[\w-]+/g));
  for (const option of args.filter((arg) => /^--?\w/.test(arg))) {
    t.true(known.has(option.split("=")[0]!), `${where}: there is no ${option}`);
  }
}

test("the documents have commands of each program", (t) => {
  for (const program of ["helm", "kubectl", "docker", "minikube", "anonlink-wasm"])
    t.not(of(program).length, 0, program);
});

test("Helm accepts each values file", (t) => {
  const used = of("helm").flatMap(({ args }) => args);
  for (const { language, text } of blocks) {
    const name = /^# ([\w-]+\.yaml)\n/.exec(text)?.[1];
    if (language !== "yaml") continue;
    if (!t.not(name, undefined, text)) continue;
    if (!used.includes(name!)) t.notThrows(() => renderChart(folder.path, ["-f", name!]), name);
  }
});

for (const { args, where } of of("helm")) {
  test(where, (t) => {
    const [command = "", ...rest] = args;
    if (command === "repo") return t.deepEqual(rest, ["add", "traefik", "https://traefik.github.io/charts"]);
    const help = execFileSync(helmProgram(), [command, "--help"], { encoding: "utf8" });
    hasOptions(t, help, rest, where);
    if (rest.includes("traefik")) return t.true(existsSync(join(folder.path, rest[rest.indexOf("-f") + 1]!)));
    const [release, chart] = rest.filter((arg) => !arg.startsWith("-"));
    t.is(release, "linkage");
    if (command !== "upgrade" && command !== "install") return;
    t.is(chart, "chart");
    const values = rest.flatMap((arg, n) => (["-f", "--set"].includes(arg) ? [arg, rest[n + 1]!] : []));
    t.notThrows(() => renderChart(folder.path, values));
  });
}

// All objects that the chart may contain.
const objects = withPodsAndClaims(
  renderChart(folder.path, ["-f", "my-values.yaml", "-f", "metrics-values.yaml"]),
);

for (const { args, where } of of("kubectl")) {
  test(where, (t) => checkKubectl(t, args, objects, folder.path));
}

for (const { args, where } of of("anonlink-wasm")) {
  test(where, (t) => isOurs(t, args, where));
}

function isOurs(t: ExecutionContext, [command = "", ...rest]: readonly string[], where: string): void {
  const help = execFileSync(process.execPath, [cli, command, "--help"], { encoding: "utf8" });
  t.true(help.startsWith(`Usage: anonlink-wasm ${command} `), where);
  hasOptions(t, help, rest, where);
}

const compose = parse(readText("deploy/compose.yaml")) as { services: Record<string, unknown> };

for (const { args, where } of [...of("docker"), ...of("minikube")]) {
  test(where, (t) => {
    const dockerfile = args.indexOf("-f");
    if (args.includes("build") && dockerfile > 0)
      t.true(existsSync(join(folder.path, args[dockerfile + 1]!)));
    const image = args.findIndex((arg) => /^anonlink-wasm:/.test(arg));
    if (args[0] === "run") return isOurs(t, args.slice(image + 1), where);
    if (args[0] !== "compose") return t.pass();
    const named = args.slice(2).flatMap((arg) => /^(\w[\w-]*)(?:=\d+)?$/.exec(arg)?.[1] ?? []);
    const services = args[1] === "exec" ? named.slice(0, 1) : named; // followed by a program
    for (const service of services) t.true(service in compose.services, `${where}: ${service}`);
    t.pass();
  });
}
