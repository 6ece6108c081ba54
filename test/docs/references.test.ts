// What the operators' documents mention exists: files, headings, chart values, settings, metrics, alerts.
import { existsSync, readdirSync } from "node:fs";
import test from "ava";
import { parse } from "yaml";
import { ExporterMetrics } from "../../src/exporter/metrics.js";
import { ServiceMetrics } from "../../src/service/metrics.js";
import { WorkerMetrics } from "../../src/worker/metrics.js";
import {
  anchorOf,
  headings,
  inlineCode,
  links,
  OPERATOR_DOCUMENTS,
  readText,
  tableRows,
} from "./documents.js";

const root = new URL("../../", import.meta.url);
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(new URL("docs/", root))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Whether a link of a document points to one of our files, and to a heading in it. */
function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = new URL(path === "" ? document : path, path === "" ? root : new URL(document, root));
  if (!existsSync(target)) return false;
  return (
    anchor === undefined ||
    headings(target.pathname.slice(root.pathname.length)).map(anchorOf).includes(anchor)
  );
}

for (const document of DOCUMENTS) {
  test(`${document}: its links have targets`, (t) => {
    const own = links(document).filter((link) => !/^https?:/.test(link));
    t.deepEqual(
      own.filter((link) => !leadsSomewhere(document, link)),
      [],
    );
  });
}

for (const document of OPERATOR_DOCUMENTS) {
  test(`${document}: the files it names exist`, (t) => {
    const paths = inlineCode(document).filter((code) =>
      /^(?:chart|deploy|docs|test|src|bench)\/[\w./-]*$/.test(code),
    );
    t.true(paths.length > 0);
    t.deepEqual(
      paths.filter((path) => !existsSync(new URL(path, root))),
      [],
    );
  });
}

const values = parse(readText("chart/values.yaml")) as Record<string, unknown>;

/** Whether the chart has a value such as `api.nginx.BURST`. */
function isValue(path: string): boolean {
  let at: unknown = values;
  for (const key of path.split(".")) {
    if (typeof at !== "object" || at === null || !(key in at)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  return true;
}

/** The code that looks like a value of the chart: `api.domain`, or `api.domain: example.org`. */
function valuePaths(codes: readonly string[]): string[] {
  return codes
    .map((code) => /^([a-z]\w*(?:\.\w+)+)(?:: .*)?$/i.exec(code)?.[1] ?? "")
    .filter((path) => (path.split(".")[0] ?? "") in values && !path.endsWith(".md"));
}

for (const document of ["docs/deployment.md", "docs/operations.md"]) {
  test(`${document}: the chart has the values it names`, (t) => {
    const paths = valuePaths(inlineCode(document));
    t.true(paths.length > 15);
    for (const path of paths) t.true(isValue(path), path);
  });
}

test("docs/migrating.md: the chart has the values it names and accepts the older names", (t) => {
  const older = new Map(
    [...readText("chart/templates/_older-names.tpl").matchAll(/^([\w.-]+): \[(.+)\]$/gm)].map(
      ([, from = "", to = ""]) => [from, to.split(", ")],
    ),
  );
  const rows = tableRows("docs/migrating.md");
  const start = rows.findIndex(([first]) => first === "Python's chart");
  const end = rows.findIndex(([, second]) => second === "Python's");
  t.true(start > 0 && end > start);
  for (const [theirs = "", ours = "", note = ""] of rows.slice(start + 1, end)) {
    const paths = (cell: string) =>
      [...cell.matchAll(/`([\w.-]+)`/g)].map(([, code = ""]) => code).filter((code) => code.includes("."));
    for (const path of paths(ours)) t.true(isValue(path), path);
    if (!note.startsWith("understood")) continue;
    for (const path of paths(theirs)) {
      const meaning = older.get(path);
      if (!t.not(meaning, undefined, `${path} is not understood`)) continue;
      const isNamed = ours.includes("…") || meaning!.some((value) => ours.includes(`\`${value}\``));
      t.true(isNamed, `${path} means ${meaning}`);
    }
  }
});

/** Settings of the Python service that ours does not read. */
const NOT_READ = ["DEBUG", "LOG_CFG", "LOGFILE", "TRACE_CFG", "ENTITY_CACHE_THRESHOLD", "MAX_CACHE_SIZE"];
NOT_READ.push("CONNEXION_STRICT_VALIDATION", "CONNEXION_RESPONSE_VALIDATION");

test("the settings named in the documents are read by a program", (t) => {
  const programs = ["src/config.ts", "src/config/service-config.ts"].map(readText).join("\n");
  const sharedStores = [...programs.matchAll(/name\("(\w+)"\)/g)].flatMap(([, setting]) =>
    ["UPLOAD", "DOWNLOAD"].map((use) => `${use}_OBJECT_STORE_${setting}`),
  );
  const others = ["chart/values.yaml", "chart/templates/_credentials.tpl", "deploy/compose.yaml"].map(
    readText,
  );
  for (const name of NOT_READ) t.notRegex(programs, new RegExp(`"${name}"`), `${name} is read`);
  for (const document of OPERATOR_DOCUMENTS) {
    const names = inlineCode(document).filter((code) => /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(code));
    for (const name of names) {
      const isKnown =
        NOT_READ.includes(name) ||
        sharedStores.includes(name) ||
        [programs, ...others].some((text) => new RegExp(`\\b${name}\\b`).test(text));
      t.true(isKnown, `${document}: ${name}`);
    }
  }
});

test("docs/operations.md describes exactly our metrics", async (t) => {
  const stores = {
    database: {
      countRuns: async () => ({}) as never,
      countProjects: async () => 0,
      measureRuns: async () => ({ comparisons: 0 }) as never,
    },
    tasks: { depth: async () => 0 },
  };
  const registries = [
    new ServiceMetrics(stores).registry,
    new WorkerMetrics(() => true).registry,
    new ExporterMetrics().registry,
  ];
  const names = new Set<string>();
  for (const registry of registries) {
    for (const { name } of await registry.getMetricsAsJSON()) names.add(name);
  }
  const described = inlineCode("docs/operations.md")
    .map((code) => /^((?:anonlink|nodejs|process)_\w+)/.exec(code)?.[1])
    .filter((name) => name !== undefined);
  for (const name of described) t.true(names.has(name), `${name}: there is no such figure`);
  for (const name of names) {
    if (name.startsWith("anonlink_")) t.true(described.includes(name), `${name} is not described`);
  }
});

test("docs/operations.md lists each alert with its severity and the section it refers to", (t) => {
  const { groups } = parse(readText("chart/files/alerts.yaml")) as {
    groups: {
      rules: { alert?: string; labels: { severity: string }; annotations: { description: string } }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules).filter(({ alert }) => alert !== undefined);
  const expected = rules.map(({ alert, labels, annotations }) => {
    const heading = /docs\/operations\.md, «([^»]+)»/.exec(annotations.description)?.[1] ?? "no heading";
    return [`\`${alert}\``, labels.severity, `[${heading}](#${anchorOf(heading)})`];
  });
  const described = tableRows("docs/operations.md")
    .filter(([first = ""]) => /^`Anonlink\w+`$/.test(first))
    .map(([alert, severity, , todo]) => [alert, severity, todo]);
  t.deepEqual(described, expected);
});
