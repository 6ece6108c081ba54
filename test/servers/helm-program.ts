import { fileURLToPath } from "node:url";
import { goProgram } from "./go-program.js";

const MODULE = "helm.sh/helm/v3";

/** The Kubernetes version that Helm assumes without a cluster: that of its libraries, as in its own releases. */
const KUBERNETES = { Major: "1", Minor: "37" };

/** Returns the path of Helm 3. */
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
