import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { parse, parseAllDocuments } from "yaml";
import { pythonEnvironment } from "../python-environment.js";
import type { Manifest } from "./manifests.js";
import { CHART, FULL_NAME, helm, MINIMAL, render, tryToRender } from "./rendered-chart.js";
import { EVERYTHING, RENDERING_NAMES, rendering, VALUES } from "./renderings.js";

/** The oldest Kubernetes version that the chart supports, and the newest one with published schemas. */
const VERSIONS = ["1.27", "1.37"];
const OPERATOR = "monitoring.coreos.com/v1";

const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));
let python: string;
test.before(() => {
  python = join(pythonEnvironment(folder("requirements.txt"), "kubernetes-validate"), "python");
});

function problemsOf(manifests: readonly Manifest[]): string[] {
  const input = JSON.stringify({ versions: VERSIONS, manifests });
  return JSON.parse(execFileSync(python, [folder("validate.py")], { input, encoding: "utf8" })) as string[];
}

test("helm lint reports no warnings or errors", (t) => {
  const files = [undefined, MINIMAL];
  for (const file of files) {
    const { code, stdout, stderr } = helm(["lint", "--strict", CHART, ...(file ? ["--values", file] : [])]);
    t.is(code, 0, stdout + stderr);
    t.false(/\[(WARNING|ERROR)\]/.test(stdout), stdout);
  }
  for (const [name, values] of Object.entries(VALUES)) {
    const { code, stdout } = helm(["lint", "--strict", CHART, "--values", "-"], JSON.stringify(values));
    t.is(code, 0, `${name}: ${stdout}`);
  }
});

for (const name of RENDERING_NAMES) {
  test(`objects match the schemas of Kubernetes ${VERSIONS.join(" and ")}: ${name}`, (t) => {
    const manifests = rendering(name).manifests.filter(({ apiVersion }) => apiVersion !== OPERATOR);
    t.true(manifests.length > 15);
    t.deepEqual(problemsOf(manifests), []);
  });
}

test("a packaged chart renders the same as the folder", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "chart-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  t.is(helm(["package", CHART, "--destination", folder]).code, 0);
  const [file, ...others] = readdirSync(folder);
  t.deepEqual(others, []);
  const values = VALUES["all-external"];
  t.is(render(values, { chart: join(folder, file!) }).text, rendering("all-external").text);
});

test("manifests applied by the operator match the schemas too", (t) => {
  const applied = ["aws-storage.yaml", "jobs/integration-test-job.yaml", "jobs/e2e-test-job.yaml"];
  for (const file of applied) {
    const documents = parseAllDocuments(readFileSync(join(CHART, file), "utf8"));
    t.deepEqual(problemsOf(documents.map((document) => document.toJS() as Manifest)), [], file);
  }
});

test("detects misspelled fields and fields of the wrong type", (t) => {
  const { manifests } = rendering("default");
  const wrong = JSON.parse(
    JSON.stringify(manifests).replaceAll('"periodSeconds":', '"periodSecond":'),
  ) as Manifest[];
  t.true(problemsOf(wrong).length >= 2 * 6);
  const untyped = JSON.parse(JSON.stringify(manifests).replaceAll('"replicas":1', '"replicas":"1"'));
  t.true(problemsOf(untyped as Manifest[]).length >= 2 * 3);
});

test("rejects Kubernetes versions before 1.27", (t) => {
  const { code, stderr } = tryToRender({}, { args: ["--kube-version", "1.26.9"] });
  t.not(code, 0);
  t.regex(stderr, /kubeVersion: >=1\.27/);
  t.is(tryToRender({}, { args: ["--kube-version", "1.27.0"] }).code, 0);
  t.is(tryToRender({}, { args: ["--kube-version", "v1.32.1-eks-12ab"] }).code, 0, "of a cloud");
});

test("names and labels stay within Kubernetes limits for the longest release name", (t) => {
  const { manifests } = render(EVERYTHING, { release: "r".repeat(53) });
  for (const { kind, metadata } of manifests) {
    t.true(metadata.name.length <= 63, `${kind} ${metadata.name}`);
    t.regex(metadata.name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    for (const value of Object.values(metadata.labels ?? {})) t.true(value.length <= 63, value);
  }
  t.deepEqual(problemsOf(manifests.filter(({ apiVersion }) => apiVersion !== OPERATOR)), []);
});

test("object names are unique, and all objects carry Helm's labels", (t) => {
  for (const name of RENDERING_NAMES) {
    const { manifests } = rendering(name);
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    t.deepEqual(names, [...new Set(names)]);
    for (const { metadata } of manifests) {
      t.is(metadata.labels?.["app.kubernetes.io/instance"], "linkage");
      t.is(metadata.labels?.["app.kubernetes.io/managed-by"], "Helm");
      t.is(metadata.namespace, undefined, "that of the release");
    }
  }
});

test("the Prometheus operator's objects have the fields required by its CRDs", (t) => {
  t.deepEqual(
    rendering("default").manifests.filter(({ apiVersion }) => apiVersion === OPERATOR),
    [],
  );
  const all = rendering("everything-on");
  const monitors = all.of("ServiceMonitor");
  t.deepEqual(
    monitors.map(({ metadata }) => metadata.name),
    [`${FULL_NAME}-api`, `${FULL_NAME}-worker`],
  );
  for (const { apiVersion, metadata, spec } of monitors) {
    t.is(apiVersion, OPERATOR);
    t.is(metadata.labels?.["release"], "watch");
    t.deepEqual(Object.keys(spec).sort(), ["endpoints", "selector"]);
    for (const endpoint of spec.endpoints) {
      t.deepEqual(Object.keys(endpoint).sort(), ["interval", "path", "port"]);
      t.regex(endpoint.interval, /^\d+(ms|s|m|h)$/);
    }
  }
  const [rule, ...others] = all.of("PrometheusRule");
  t.deepEqual(others, []);
  t.is(rule?.apiVersion, OPERATOR);
  t.is(rule?.metadata.labels?.["release"], "watch");
  t.deepEqual(rule?.spec, parse(readFileSync(join(CHART, "files/alerts.yaml"), "utf8")));
  for (const { name, rules } of rule?.spec.groups ?? []) {
    t.is(typeof name, "string");
    for (const { alert, record, expr } of rules) {
      t.true([alert, record].filter((text) => typeof text === "string").length === 1);
      t.is(typeof expr, "string");
    }
  }
});
