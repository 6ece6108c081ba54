import { arch, loadavg, release, type } from "node:os";
import { pythonRepr } from "../python-repr.js";

/** The program of a worker, as monitors show it. */
export interface Software {
  readonly name: string;
  readonly version: string;
}

/** Used if a worker's owner names no program. */
export const DEFAULT_SOFTWARE: Software = { name: "js-celery", version: "0.1.0" };

/** The operating system as Python's `platform.system()` names it: `Linux`, `Darwin`, `Windows`. */
export function systemName(): string {
  return type().replace(/_NT$/, "");
}

/** The machine's load over 1, 5 and 15 minutes, rounded up to hundredths. */
export function loadAverages(): number[] {
  return loadavg().map((load) => Math.ceil(load * 100) / 100);
}

/** Whole hours by which UTC is ahead of local time, as Celery counts them: 5 in New York, -1 in Berlin. */
export function utcOffsetHours(date = new Date()): number {
  return Math.floor(date.getTimezoneOffset() / 60) + 0; // + 0: never -0
}

/** What this process has used so far, under the names of getrusage(2): times in seconds, `maxrss` in kilobytes. */
export function resourceUsage(): Readonly<Record<string, number>> {
  const usage = process.resourceUsage();
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  };
}

/** Describes the installation for bug reports, in Celery's layout. */
export function installationReport(software: Software, settings: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${pythonRepr(value)}`);
  return [
    "",
    `software -> ${software.name}:${software.version} node:${process.versions.node}`,
    `platform -> system:${systemName()} arch:${arch()}`,
    `            kernel version:${release()}`,
    "",
    ...lines,
    "",
  ].join("\n");
}
