import { cpus, release, totalmem, type } from "node:os";

/** This machine's description in results: processor, cores, memory, system. */
export function machineName(): string {
  const model = cpus()[0]!.model.trim();
  return `${model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split("-")[0]}`;
}
