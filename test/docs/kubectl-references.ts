import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { parseAllDocuments } from "yaml";
import type { KubernetesObject } from "./chart-objects.js";

/** The kinds by their names in kubectl commands. */
const KINDS: Readonly<Record<string, string>> = {
  deployment: "Deployment",
  statefulset: "StatefulSet",
  service: "Service",
  job: "Job",
  pod: "Pod",
  pods: "Pod",
  secret: "Secret",
  secrets: "Secret",
  persistentvolumeclaim: "PersistentVolumeClaim",
  persistentvolumeclaims: "PersistentVolumeClaim",
};
/** Objects of the Python service's chart for a release called `anonlink`, and of Traefik's chart. */
const OF_OTHERS = [
  ...["deployment/anonlink-api", "deployment/anonlink-worker", "deployment/anonlink-highmemory-worker"],
  ...["secret/anonlink-entity-service", "service/traefik"],
];
const JOBS = ["chart/jobs/integration-test-job.yaml", "chart/jobs/e2e-test-job.yaml"];

/** Asserts that everything a kubectl command names exists: objects, labels, containers, ports, files. */
export function checkKubectl(
  t: ExecutionContext,
  args: readonly string[],
  objects: readonly KubernetesObject[],
  folder: string,
): void {
  const own = args.slice(0, args.includes("--") ? args.indexOf("--") : args.length);
  const rest = own[0] === "--namespace" ? own.slice(2) : own;
  const [verb = ""] = rest;
  const applied = [...objects, ...JOBS.flatMap((file) => readObjects(join(folder, file)))];
  const known = (kind: string, name: string) =>
    OF_OTHERS.includes(`${kind}/${name}`) ||
    applied.some((object) => object.kind === KINDS[kind] && object.metadata.name === name);

  if (verb !== "create" && !rest.includes("chart/aws-storage.yaml"))
    t.is(own[0], "--namespace", "no namespace");
  for (const [kind, name] of verb === "create" ? [] : namedObjects(rest)) {
    if (name !== "…") t.true(known(kind, name), `there is no ${kind} ${name}`);
  }
  for (const [n, arg] of rest.entries()) {
    const next = rest[n + 1] ?? "";
    if (arg === "-f" && next !== "-") t.true(existsSync(join(folder, next)), next);
    if (arg === "--selector") checkSelector(t, rest, next, objects);
    if (arg === "-c") t.true(containersOf(rest, objects).includes(next), `no container ${next}`);
  }
  if (verb === "port-forward") {
    const [[, name = ""] = []] = namedObjects(rest);
    const service = objects.find(({ kind, metadata }) => kind === "Service" && metadata.name === name);
    const port = Number(rest.at(-1)!.split(":").at(-1));
    t.true(
      service?.spec?.ports?.some((each) => each.port === port),
      `${name} has no port ${port}`,
    );
  }
  t.pass();
}

/** Finds objects named as `deployment/NAME` or `get secret NAME`. */
function namedObjects(args: readonly string[]): [kind: string, name: string][] {
  const found: [string, string][] = [];
  for (const [n, arg] of args.entries()) {
    const [kind = "", name] = arg.split("/");
    if (!(kind in KINDS)) continue;
    if (name !== undefined) found.push([kind, name]);
    else if (/^[a-z…]/.test(args[n + 1] ?? "")) found.push([kind, args[n + 1]!]);
  }
  return found;
}

function checkSelector(
  t: ExecutionContext,
  args: readonly string[],
  selector: string,
  objects: readonly KubernetesObject[],
): void {
  const [label = "", value = ""] = selector.split("=");
  const kinds = args[1]!.split(",").map((kind) => KINDS[kind]);
  for (const kind of kinds) {
    const selected = objects.filter(
      (object) => object.kind === kind && object.metadata.labels?.[label] === value,
    );
    t.not(selected.length, 0, `no ${kind} with ${selector}`);
  }
}

function containersOf(args: readonly string[], objects: readonly KubernetesObject[]): string[] {
  const names = namedObjects(args).map(([, name]) => name);
  return objects
    .filter(({ kind, metadata }) => kind === "Deployment" && names.includes(metadata.name))
    .flatMap(({ spec }) => spec?.template?.spec.containers.map(({ name }) => name) ?? []);
}

function readObjects(file: string): KubernetesObject[] {
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as KubernetesObject);
}
