import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

export interface GoProgram {
  /** The program's file, which Go names after the last part of `path`. */
  readonly name: string;
  /** The path of its package, as `github.com/minio/minio`. */
  readonly path: string;
  /** The version of its module. */
  readonly version: string;
  /** Variables of its packages that are set when it is linked, by their full names. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * A program that is built from its Go module at first use, which takes minutes. Its folder appears when it is complete,
 * so that test files can ask for it at the same time; `test/cluster/run` asks first, so that only one builds.
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
        cwd: draft, // not in a module of Go
        env: { ...process.env, GOBIN: draft, GOFLAGS: "" },
      });
      if (!existsSync(folder)) renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else another test file was first
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return join(folder, name);
}
