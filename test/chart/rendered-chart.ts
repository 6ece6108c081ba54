import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { helmProgram } from "../servers/helm-program.js";
import type { ContainerSpec, Manifest, PodSpec } from "./manifests.js";

export const CHART = fileURLToPath(new URL("../../chart", import.meta.url));
/** The values for a small cluster. */
export const MINIMAL = join(CHART, "minimal-values.yaml");
export const RELEASE = "linkage";
export const NAMESPACE = "records";
/** The prefix of the names of the chart's objects. */
export const FULL_NAME = "linkage-anonlink-wasm";

/** Any subset of the values in values.yaml. */
export type Values = Readonly<Record<string, unknown>>;

/** A pod, or an object that creates pods. */
export interface Workload {
  readonly manifest: Manifest;
  readonly name: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pod: PodSpec;
  /** Includes init containers. */
  readonly containers: readonly ContainerSpec[];
}

export interface HelmOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Helm without the settings of the user who runs the tests. */
export function helm(args: readonly string[], input = ""): HelmOutput {
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", KUBECONFIG: "/nonexistent" };
  const { status, stdout, stderr, error } = spawnSync(helmProgram(), args, {
    input,
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw error;
  return { code: status ?? -1, stdout, stderr };
}

export interface RenderOptions {
  /** Values files; the values themselves take precedence. */
  readonly files?: readonly string[];
  /** Additional arguments for Helm. */
  readonly args?: readonly string[];
  readonly chart?: string;
  readonly release?: string;
}

export function tryToRender(values: Values = {}, options: RenderOptions = {}): HelmOutput {
  const { files = [], args = [], chart = CHART, release = RELEASE } = options;
  const places = [...files, "-"].flatMap((file) => ["--values", file]);
  return helm(
    ["template", release, chart, "--namespace", NAMESPACE, ...places, ...args],
    JSON.stringify(values),
  );
}

/** The manifests that Helm renders with these values, including hooks and tests. */
export function render(values: Values = {}, options: RenderOptions = {}): RenderedChart {
  const { code, stdout, stderr } = tryToRender(values, options);
  if (code !== 0) throw new Error(`helm template: ${stderr}`);
  return new RenderedChart(stdout);
}

export class RenderedChart {
  readonly manifests: readonly Manifest[];

  constructor(readonly text: string) {
    const documents = parseAllDocuments(text);
    if (!Array.isArray(documents)) throw new Error("expected manifests, got none");
    for (const { errors, warnings } of documents) {
      for (const problem of [...errors, ...warnings]) throw problem; // includes duplicate keys
    }
    const objects = documents.map((document) => document.toJS() as Manifest | null);
    this.manifests = objects.filter((object) => object !== null);
  }

  of(kind: string): Manifest[] {
    return this.manifests.filter((manifest) => manifest.kind === kind);
  }

  find(kind: string, name: string): Manifest | undefined {
    return this.of(kind).find(({ metadata }) => metadata.name === name);
  }

  get(kind: string, name: string): Manifest {
    const found = this.find(kind, name);
    if (found === undefined) throw new Error(`expected ${kind} ${name}, got none`);
    return found;
  }

  /** Finds a workload by the part of its name after the release's, such as `api`. */
  workload(part: string): Workload {
    const name = `${FULL_NAME}-${part}`;
    const found = this.workloads.find((workload) => workload.name === name);
    if (found === undefined) throw new Error(`expected pods of ${name}, got none`);
    return found;
  }

  get workloads(): Workload[] {
    return this.manifests.flatMap((manifest) => {
      const template = manifest.kind === "Pod" ? manifest : manifest.spec?.template;
      if (template?.spec?.containers === undefined) return [];
      const pod = template.spec as PodSpec;
      return {
        manifest,
        name: manifest.metadata.name,
        kind: manifest.kind,
        labels: template.metadata?.labels ?? {},
        annotations: template.metadata?.annotations ?? {},
        pod,
        containers: [...(pod.initContainers ?? []), ...pod.containers],
      };
    });
  }

  /** The variables of a container: its own, and those from ConfigMaps and Secrets of the chart. */
  environmentOf(container: ContainerSpec): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { configMapRef } of container.envFrom ?? []) {
      Object.assign(found, this.get("ConfigMap", configMapRef.name).data);
    }
    for (const { name, value, valueFrom } of container.env ?? []) {
      if (valueFrom === undefined) {
        found[name] = value ?? "";
        continue;
      }
      const { name: secret, key } = valueFrom.secretKeyRef;
      const text = this.find("Secret", secret)?.data?.[key];
      if (text !== undefined) found[name] = Buffer.from(text, "base64").toString();
    }
    return found;
  }

  /** The decoded contents of the chart's own Secret. */
  get credentials(): Record<string, string> {
    const { data = {} } = this.get("Secret", FULL_NAME);
    const entries = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]);
    return Object.fromEntries(entries);
  }
}
