import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

/** Returns the path of the MinIO server. */
export function minioProgram(): string {
  return goProgram({
    name: "minio",
    path: "github.com/minio/minio",
    version: "v0.0.0-20260212201848-7aac2a2c5b7c", // there is no newer one, and none with a tag that Go accepts
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(minioProgram());
