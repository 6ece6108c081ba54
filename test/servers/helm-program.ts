import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

const MODULE = "helm.sh/helm/v3";

/** The Kubernetes that Helm takes the cluster for where it has none to ask: as in its own releases, that of its libraries. */
const KUBERNETES = { Major: "1", Minor: "37" };

/** The program of Helm 3. */
export function helmProgram(): string {
  const parts = Object.entries(KUBERNETES);
  const variables = ["pkg/chartutil", "pkg/lint/rules"].flatMap((folder) =>
    parts.map(([part, value]) => [`${MODULE}/${folder}.k8sVersion${part}`, value]),
  );
  return goProgram({
    name: "helm",
    path: `${MODULE}/cmd/helm`,
    version: "v3.22.0",
    variables: Object.fromEntries(variables),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(helmProgram());
