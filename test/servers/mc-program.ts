import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

/** Returns the path of MinIO's client. Go's proxy serves no newer version, and none with a tag that Go accepts. */
export function mcProgram(): string {
  return goProgram({
    name: "mc",
    path: "github.com/minio/mc",
    version: "v0.0.0-20250313080218-cf909e1063a9", // the day after RELEASE.2025-03-12T17-29-24Z
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(mcProgram());
