import { machineName } from "./machine.js";
import type { Section } from "./measure.js";
import { storeProgram } from "./program-results.js";
import { publish } from "./report.js";

/**
 * Stores a program's results in place of its previous ones, and publishes all results.
 *
 * @param name `worker` or `service`
 * @param run the command as a user types it, the measurements per cell, and what it was measured against
 */
export function publishProgram(
  name: string,
  section: Section,
  { command, runs, peer }: { readonly command: string; readonly runs: number; readonly peer?: string },
): void {
  const date = new Date().toISOString().slice(0, 10);
  const against = peer === undefined ? "" : `; ${peer}`;
  const how = peer === undefined ? `Medians of ${runs} runs.` : `Medians of ${runs} runs, in turn.`;
  const origin = `${machineName()}; Node ${process.versions.node}${against}; ${date}. \`${command}\`. ${how}`;
  storeProgram(name, { ...section, origin });
  publish();
}
