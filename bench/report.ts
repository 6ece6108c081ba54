import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cell, Section } from "./measure.js";
import { programResults } from "./program-results.js";
import { speedChart } from "./speed-chart.js";

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

/** The order of the sections, regardless of when they were measured. */
const TITLES = ["Comparing", "Threads", "Small blocks", "Solver", "Output", "Reading CLKs", "Memory"];

/** The measurements that the README's chart shows, with their labels. */
const CHARTED = [
  { title: "Comparing", what: "50 % ones, 20,000 rows, 0.9", label: "compare, threshold 0.9" },
  { title: "Comparing", what: "50 % ones, 20,000 rows, 0.8", label: "compare, threshold 0.8" },
  { title: "Comparing", what: "50 % ones, 20,000 rows, 0.7", label: "compare, threshold 0.7" },
  {
    title: "Small blocks",
    what: "200,000 rows a side, from lists of names",
    label: "compare in small blocks",
  },
  { title: "Solver", what: "3 parties, 1,000,000 pairs", label: "solve, three parties" },
  { title: "Solver", what: "2 parties, 1,000,000 pairs", label: "solve, two parties" },
] as const;

const folder = new URL("results/", import.meta.url);
const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";
const PROGRAMS_START = "<!-- bench:programs:start -->";
const PROGRAMS_END = "<!-- bench:programs:end -->";

/**
 * Stores results by Node version; each section states how it was measured. Sections that were not run keep their
 * previous results, and so do those that were compared with the peer, if this run was without one.
 */
export function store(results: Results): void {
  const file = new URL(`node-${results.node.split(".")[0]}.json`, folder);
  let before: Section[] = [];
  let peer = results.peer;
  try {
    const last = JSON.parse(readFileSync(file, "utf8")) as Results;
    peer ??= last.peer; // for the sections that keep their results
    before = last.sections.map((section) => ({ origin: originOf(last), ...section }));
  } catch {}
  const compared = (section: Section) => section.cells.some(({ ratio }) => ratio !== undefined);
  const keeps = new Set(before.filter(compared).map(({ title }) => title));
  const measured = results.sections.filter((section) => compared(section) || !keeps.has(section.title));
  const fresh = new Set(measured.map(({ title }) => title));
  const origin = originOf(results);
  const sections = [
    ...measured.map((section) => ({ ...section, origin })),
    ...before.filter(({ title }) => !fresh.has(title)),
  ];
  sections.sort((a, b) => TITLES.indexOf(a.title) - TITLES.indexOf(b.title));
  writeFileSync(file, `${JSON.stringify({ ...results, ...(peer && { peer }), sections }, null, 1)}\n`);
}

function originOf({ command, date, machine, v8, peer, runs }: Results): string {
  return `${machine}; V8 ${v8}${peer ? `; ${peer}` : ""}; ${date}. \`${command}\`. Medians of ${runs} runs, in turn.`;
}

/** Writes RESULTS.md, the tables of docs/speed.md and the README's chart from all stored results. */
export function publish(): void {
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Results)
    .sort((a, b) => Number.parseInt(a.node, 10) - Number.parseInt(b.node, 10));
  const text = all.map((results) =>
    [
      `## Node ${results.node}`,
      ...results.sections.map((section) => sectionText({ origin: originOf(results), ...section })),
    ].join("\n\n"),
  );
  const programs = programResults().map(sectionText);
  writeFileSync(
    new URL("RESULTS.md", import.meta.url),
    `# Results\n\nMade by \`npm run bench -- --peer\`, \`npm run bench:worker\` and \`npm run bench:service\`. A ratio is the peer's median time divided by ours.\n\n${[...text, ...programs].join("\n\n")}\n`,
  );
  const document = fileURLToPath(new URL("../docs/speed.md", import.meta.url));
  const before = readFileSync(document, "utf8");
  const table = `${START}\n${ratioTable(all)}\n${END}`;
  writeFileSync(
    document,
    before
      .replace(new RegExp(`${START}[\\s\\S]*${END}`), () => table)
      .replace(
        new RegExp(`${PROGRAMS_START}[\\s\\S]*${PROGRAMS_END}`),
        () => `${PROGRAMS_START}\n${programTables()}\n${PROGRAMS_END}`,
      ),
  );
  const newest = all.at(-1);
  if (newest !== undefined) {
    writeFileSync(new URL("../docs/figures/speed.svg", import.meta.url), chartOf(newest));
  }
}

/** The chart of one version of Node: the ratios of {@link CHARTED}. */
function chartOf({ sections, node, peer, machine }: Results): string {
  const bars = CHARTED.flatMap(({ title, what, label }) => {
    const cell = sections.find((section) => section.title === title)?.cells.find((one) => one.what === what);
    return cell?.ratio === undefined ? [] : [{ label, ratio: cell.ratio }];
  });
  const about = [
    "Comparing: 20,000 × 20,000 records, half of the bits set, one thread. Blocks: 200,000 records a side.",
    `Solving: 1,000,000 pairs. Against ${peer ?? "anonlink"}; Node ${node.split(".")[0]}; ${machine}.`,
  ];
  return speedChart("How many times faster than Python\u2019s anonlink", bars, about);
}

/** The tables of whole programs: what was done, how long it took, and the rate. */
function programTables(): string {
  const tables = programResults().map(({ title, cells, origin }) => {
    const rows = cells.map(({ what, ours, ratio, note }) => {
      const compared = ratio === undefined ? "" : times(ratio);
      return `| ${what} | ${time(ours)} | ${compared} | ${note ?? ""} |`;
    });
    return [`| ${title} | ours | ratio | |`, "| --- | --- | --- | --- |", ...rows, "", origin].join("\n");
  });
  return tables.join("\n\n");
}

function sectionText({ title, about, cells, origin }: Section): string {
  const rows = cells.map(
    ({ what, ours, theirs, ratio, aim, note }) =>
      `| ${what} | ${time(ours)} | ${theirs === undefined ? "" : time(theirs)} | ${ratio === undefined ? "" : times(ratio)} | ` +
      `${aim === undefined ? "" : times(aim)} | ${note ?? ""} |`,
  );
  return [
    `### ${title}`,
    about,
    origin,
    ["| | ours | theirs | ratio | aim | |", "| --- | --- | --- | --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

/** Ratios of cells with an aim, and of those at 58 % ones and 20,000 records; one column per Node version. */
function ratioTable(all: readonly Results[]): string {
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
