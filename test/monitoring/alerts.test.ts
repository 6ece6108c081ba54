import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test from "ava";
import { parse } from "yaml";
import { ExporterMetrics } from "../../src/exporter/metrics.js";
import { ServiceMetrics } from "../../src/service/metrics.js";
import { WorkerMetrics } from "../../src/worker/metrics.js";

// The alert rules, checked with promtool.

const rulesFile = fileURLToPath(new URL("../../chart/files/alerts.yaml", import.meta.url));
const casesFile = fileURLToPath(new URL("alerts.test.yaml", import.meta.url));

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups } = parse(readFileSync(rulesFile, "utf8")) as {
  groups: { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

/** Runs promtool; returns its output. Throws if its exit code is not 0. */
function promtool(...args: string[]): string {
  return execFileSync("promtool", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

test("Prometheus accepts the rules", (t) => {
  t.regex(promtool("check", "rules", "--lint=all", "--lint-fatal", rulesFile), /SUCCESS/);
});

test("alerts fire exactly when expected", (t) => {
  t.regex(promtool("test", "rules", casesFile), /SUCCESS/);
});

test("each alert fires in one of the test cases", (t) => {
  const cases = readFileSync(casesFile, "utf8");
  for (const { alert } of alerts) t.true(cases.includes(`alertname="${alert}"`), alert);
});

test("each alert has a severity, a summary and a reference to the documentation", (t) => {
  for (const { alert, labels, annotations } of alerts) {
    t.true(["warning", "critical"].includes(labels["severity"]!), alert);
    t.regex(annotations["summary"]!, /^[A-Z].*[^.]$/, alert);
    t.regex(annotations["description"]!, /See docs\/operations\.md, «[^»]+»\.$/, alert);
  }
});

test("the documentation sections named in alerts exist", (t) => {
  const operations = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const headings = operations.split("\n").filter((line) => line.startsWith("#"));
  for (const { alert, annotations } of alerts) {
    const [, heading] = /«([^»]+)»/.exec(annotations["description"]!)!;
    t.true(
      headings.some((line) => line.replace(/^#+ /, "") === heading),
      `${alert}: ${heading}`,
    );
  }
});

test("each of our metrics used in a rule is exported", async (t) => {
  const never = () => Promise.reject(new Error("no store"));
  const registries = [
    new ServiceMetrics({
      database: { countRuns: never, countProjects: never, measureRuns: never },
      tasks: { depth: never },
    }).registry,
    new WorkerMetrics(() => true).registry,
    new ExporterMetrics().registry,
  ];
  const told = new Set(
    (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON())))
      .flat()
      .map(({ name }) => name),
  );
  const wanted = rules.flatMap(({ expr }) => expr.match(/\b(anonlink|nodejs|process)_\w+/g) ?? []);
  t.true(wanted.length > 0);
  for (const name of new Set(wanted)) t.true(told.has(name), name);
});
