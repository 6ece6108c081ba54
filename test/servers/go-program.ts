import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

export interface GoProgram {
  /** The program's file name, which is the last part of its package's path. */
  readonly name: string;
  /** The path of its package, such as `github.com/minio/minio`. */
  readonly path: string;
  /** The version of its module. */
  readonly version: string;
  /** Values of package variables that are set at link time, by full name. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Returns the path of a program, which is built from its Go module on first use; this takes minutes. Its folder is
 * moved into place when it is complete, so that several test files can request it at the same time; `test/cluster/run`
 * requests it beforehand, so that only one process builds it.
 */
export function goProgram({ name, path, version, variables = {} }: GoProgram): string {
  const folder = join(cache, `${name}-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    const settings = Object.entries(variables).map(([variable, value]) => `-X ${variable}=${value}`);
    try {
      execFileSync("go", ["install", `-ldflags=${["-s -w", ...settings].join(" ")}`, `${path}@${version}`], {
        stdio: ["ignore", "ignore", "inherit"],
        cwd: draft, // outside any Go module
        env: { ...process.env, GOBIN: draft, GOFLAGS: "" },
      });
      if (!existsSync(folder)) renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // otherwise another test file was first
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return join(folder, name);
}
