import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../.cache/", import.meta.url));

/**
 * Returns the folder with the programs of a virtual environment that has the packages of a requirements file. The
 * environment is created at first use. Its name depends on the requirements and on Python's version, and it appears
 * only when complete, so that test files can request it at the same time.
 *
 * @param requirements path of the requirements file
 * @param name prefix of the environment's name
 */
export function pythonEnvironment(requirements: string, name: string): string {
  const version = execFileSync("python3", ["--version"]);
  const digest = createHash("sha256").update(readFileSync(requirements)).update(version).digest("hex");
  const folder = join(cache, `${name}-${digest.slice(0, 12)}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    const options = { stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"] };
    try {
      execFileSync("python3", ["-m", "venv", draft], options);
      const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
      execFileSync(join(draft, "bin/python"), install, options);
      if (!existsSync(folder)) renameSync(draft, folder);
    } catch (error) {
      if (!existsSync(folder))
        throw new Error(`installing ${basename(requirements)} failed`, { cause: error });
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return join(folder, "bin");
}
