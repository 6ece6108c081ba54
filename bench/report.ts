import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cell, Section } from "./measure.js";

/** The results of one run of the benchmarks on one version of Node. */
export interface Results {
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly v8: string;
  readonly peer?: string;
  readonly runs: number;
  readonly sections: readonly Section[];
}

/** The order of the sections, whenever they were measured. */
const TITLES = ["Comparing", "Threads", "Small blocks", "Solver", "Output", "Reading CLKs", "Memory"];

const folder = new URL("results/", import.meta.url);
const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";

/** Stores results under their Node version; sections that were not run keep their last ones. */
export function store(results: Results): void {
  const file = new URL(`node-${results.node.split(".")[0]}.json`, folder);
  let before: readonly Section[] = [];
  try {
    before = (JSON.parse(readFileSync(file, "utf8")) as Results).sections;
  } catch {}
  const fresh = new Set(results.sections.map(({ title }) => title));
  const sections = [...results.sections, ...before.filter(({ title }) => !fresh.has(title))];
  sections.sort((a, b) => TITLES.indexOf(a.title) - TITLES.indexOf(b.title));
  writeFileSync(file, `${JSON.stringify({ ...results, sections }, null, 1)}\n`);
}

/** Writes RESULTS.md and the README's table from all stored results. */
export function publish(): void {
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Results)
    .sort((a, b) => Number.parseInt(a.node, 10) - Number.parseInt(b.node, 10));
  const text = all.map((results) =>
    [
      `## Node ${results.node}`,
      `${results.machine}; V8 ${results.v8}${results.peer ? `; ${results.peer}` : ""}; ${results.date}. \`${results.command}\`. ` +
        `Medians of ${results.runs} runs, in turn.`,
      ...results.sections.map(sectionText),
    ].join("\n\n"),
  );
  writeFileSync(
    new URL("RESULTS.md", import.meta.url),
    `# Results\n\nMade by \`npm run bench -- --peer\`. A ratio is the peer's median time divided by ours.\n\n${text.join("\n\n")}\n`,
  );
  const readme = fileURLToPath(new URL("../README.md", import.meta.url));
  const before = readFileSync(readme, "utf8");
  const table = `${START}\n${readmeTable(all)}\n${END}`;
  writeFileSync(
    readme,
    before.replace(new RegExp(`${START}[\\s\\S]*${END}`), () => table),
  );
}

function sectionText({ title, about, cells }: Section): string {
  const rows = cells.map(
    ({ what, ours, theirs, ratio, aim, note }) =>
      `| ${what} | ${time(ours)} | ${theirs === undefined ? "" : time(theirs)} | ${ratio === undefined ? "" : times(ratio)} | ` +
      `${aim === undefined ? "" : times(aim)} | ${note ?? ""} |`,
  );
  return [
    `### ${title}`,
    about,
    ["| | ours | theirs | ratio | aim | |", "| --- | --- | --- | --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

/** Ratios at 20,000 × 20,000, and the other peers' ratios, one column a Node version. */
function readmeTable(all: readonly Results[]): string {
  const wanted = (cell: Cell) => cell.ratio !== undefined && cell.aim !== undefined;
  const names: string[] = [];
  for (const { sections } of all) {
    for (const { title, cells } of sections) {
      for (const cell of cells) {
        const name = `${title}: ${cell.what}`;
        if ((wanted(cell) || cell.what.startsWith("58 % ones, 20,000")) && !names.includes(name))
          names.push(name);
      }
    }
  }
  const ratioOf = (results: Results, name: string) => {
    const cells = results.sections.flatMap(({ title, cells }) =>
      cells.map((cell) => [`${title}: ${cell.what}`, cell.ratio] as const),
    );
    const ratio = cells.find(([found]) => found === name)?.[1];
    return ratio === undefined ? "" : times(ratio);
  };
  const header = ["| |", ...all.map(({ node }) => ` Node ${node.split(".")[0]} |`)].join("");
  const rule = `| --- |${" --- |".repeat(all.length)}`;
  const rows = names.map(
    (name) => `| ${name} | ${all.map((results) => ratioOf(results, name)).join(" | ")} |`,
  );
  const from = all[0];
  const machine =
    from === undefined
      ? ""
      : `\n\nOn ${from.machine}; ${from.peer ?? ""}. «Threads» is against our own one thread.`;
  return `${[header, rule, ...rows].join("\n")}${machine}`;
}

function time(value: number): string {
  return value >= 1 ? `${value.toFixed(2)} s` : `${(1000 * value).toPrecision(3)} ms`;
}

function times(ratio: number): string {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(2)} ×`;
}
