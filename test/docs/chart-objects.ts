import { execFileSync } from "node:child_process";
import { parseAllDocuments } from "yaml";
import { helmProgram } from "../servers/helm-program.js";

interface Container {
  readonly name: string;
}

/** The parts of a Kubernetes object that commands refer to. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly ports?: readonly { readonly port: number }[];
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly Container[] };
    };
    readonly volumeClaimTemplates?: readonly {
      readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
    }[];
  };
}

/** The objects that `helm install` would create; throws Helm's output if it rejects the values. */
export function renderChart(folder: string, args: readonly string[]): KubernetesObject[] {
  const text = execFileSync(
    helmProgram(),
    ["template", "linkage", "chart", "--namespace", "linkage", ...args],
    {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

/** Adds the pods and volume claims that Kubernetes creates for workloads. */
export function withPodsAndClaims(objects: readonly KubernetesObject[]): KubernetesObject[] {
  return objects.flatMap((object) => {
    const { kind, metadata, spec } = object;
    const { template, volumeClaimTemplates = [] } = spec ?? {};
    const labels = template?.metadata.labels ?? {};
    const suffix = kind === "StatefulSet" ? "-0" : "-…"; // pods of Deployments have random names
    const pods =
      template === undefined ? [] : [{ kind: "Pod", metadata: { name: metadata.name + suffix, labels } }];
    const claims = volumeClaimTemplates.map((claim) => ({
      kind: "PersistentVolumeClaim",
      metadata: { name: `${claim.metadata.name}-${metadata.name}-0`, labels: claim.metadata.labels },
    }));
    return [object, ...pods, ...claims];
  });
}
