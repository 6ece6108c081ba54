import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** MinIO has no newer version, and none with a tag that Go takes. */
const VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c";
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

/**
 * The program of a MinIO server, which is built at first use: about two minutes. Its folder appears when it is complete,
 * so that test files can ask for it at the same time; `test/cluster/run` asks first, so that only one builds.
 */
export function minioProgram(): string {
  const folder = join(cache, `minio-${VERSION}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    try {
      execFileSync("go", ["install", "-ldflags=-s -w", `github.com/minio/minio@${VERSION}`], {
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
  return join(folder, "minio");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(minioProgram());
