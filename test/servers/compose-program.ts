import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

/** The program of compose-go, which is how Docker reads compose files: it holds one to the schema and prints what it means. */
export function composeProgram(): string {
  return goProgram({ name: "cmd", path: "github.com/compose-spec/compose-go/v2/cmd", version: "v2.16.2" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(composeProgram());
