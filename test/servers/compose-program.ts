import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

/** The program of compose-go, Docker's parser of Compose files: it validates a file and prints the resolved model. */
export function composeProgram(): string {
  return goProgram({ name: "cmd", path: "github.com/compose-spec/compose-go/v2/cmd", version: "v2.16.2" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(composeProgram());
