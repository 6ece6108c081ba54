// `npm run bench`: measures speed and memory; with `-- --peer`, alternately with anonlink from PyPI.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { closeThreads } from "../src/library/node.js";
import { machineName } from "./machine.js";
import type { Bench, Section } from "./measure.js";
import { Peer } from "./peer.js";
import { publish, store } from "./report.js";
import { blocksSection } from "./sections/blocks.js";
import { matchSection } from "./sections/match.js";
import { memorySection } from "./sections/memory.js";
import { outputSection } from "./sections/output.js";
import { parseSection } from "./sections/parse.js";
import { solverSection } from "./sections/solver.js";
import { threadsSection } from "./sections/threads.js";

const SECTIONS: Record<string, (bench: Bench) => Promise<Section>> = {
  match: matchSection,
  threads: threadsSection,
  blocks: blocksSection,
  solver: solverSection,
  output: outputSection,
  parse: parseSection,
  memory: memorySection,
};

const USAGE = `npm run bench -- [options]
  --peer            measure anonlink from PyPI too, in turn (makes a virtual environment)
  --only a,b        only these sections: ${Object.keys(SECTIONS).join(", ")}
  --runs N          measurements of each cell, default 5
  --quick           small sizes, nothing stored: does everything work?
  --node VERSION    run on this version of Node, from npm's package \`node\``;

const { values } = parseArgs({
  options: {
    peer: { type: "boolean", default: false },
    only: { type: "string" },
    runs: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    node: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const names = values.only?.split(",") ?? Object.keys(SECTIONS);
const unknown = names.find((name) => !(name in SECTIONS));
const runs = Number(values.runs);
if (values.help || unknown !== undefined || !Number.isInteger(runs) || runs < 1) {
  console.error(unknown === undefined ? USAGE : `There is no section "${unknown}".\n${USAGE}`);
  process.exit(values.help ? 0 : 2);
}
if (values.node === undefined) await run();
else runOn(values.node);

async function run(): Promise<void> {
  const peer = values.peer ? Peer.start() : undefined;
  const bench: Bench = { peer, runs, quick: values.quick };
  const sections: Section[] = [];
  for (const name of names) sections.push(await SECTIONS[name]!(bench));
  const peerVersions = await peer?.ask<{ python: string; anonlink: string }>({ ask: "versions" });
  peer?.close();
  closeThreads();
  if (values.quick) return;
  store({
    command: [
      "npm run bench --",
      ...process.argv.slice(2),
      "--node",
      process.versions.node.split(".")[0],
    ].join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine: machineName(),
    node: process.versions.node,
    v8: process.versions.v8.split("-")[0]!,
    ...(peerVersions && { peer: `anonlink ${peerVersions.anonlink} on Python ${peerVersions.python}` }),
    ...{ runs, sections },
  });
  publish();
}

/** Runs the same command on another version of Node: the binary in npm's package of `node` for this platform. */
function runOn(version: string): void {
  const folder = fileURLToPath(new URL(`../.cache/node-${version}/`, import.meta.url));
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const binary = `${folder}node_modules/${name}/bin/node`;
  if (!existsSync(binary)) {
    const install = ["install", "--prefix", folder, "--no-audit", "--no-fund", `${name}@${version}`];
    execFileSync("npm", install, { stdio: "inherit" });
  }
  const others = process.argv
    .slice(2)
    .filter((arg, n, all) => !/^--node(=|$)/.test(arg) && all[n - 1] !== "--node");
  execFileSync(binary, ["--import=tsx", fileURLToPath(import.meta.url), ...others], { stdio: "inherit" });
}
