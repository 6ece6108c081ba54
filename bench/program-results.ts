import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Section } from "./measure.js";

/** Results of a benchmark of a whole program: the worker or the service. */
export interface ProgramResults extends Section {
  /** How it was measured: machine, versions, date, command. */
  readonly origin: string;
}

const folder = new URL("results/programs/", import.meta.url);

/** Stores a program's results in place of its previous ones; `name` is the name of the file. */
export function storeProgram(name: string, results: ProgramResults): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(results, null, 1)}\n`);
}

/** All stored results of programs, by name. */
export function programResults(): ProgramResults[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as ProgramResults);
}
