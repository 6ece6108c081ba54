import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { CHART, FULL_NAME, type RenderedChart, render } from "./rendered-chart.js";
import { rendering, VALUES } from "./renderings.js";

const STORES = ["postgresql", "redis", "minio"] as const;

function claimOf(chart: RenderedChart, store: string) {
  const [claim, ...others] = chart.workload(store).manifest.spec.volumeClaimTemplates;
  return { spec: claim.spec, name: claim.metadata.name as string, others };
}

test("each store keeps its data on a volume of storage class `slow`", (t) => {
  const chart = rendering("default");
  const folders = { postgresql: "/var/lib/postgresql/data", redis: "/data", minio: "/data" };
  const sizes = { postgresql: "20Gi", redis: "8Gi", minio: "50Gi" };
  for (const store of STORES) {
    const { spec, name, others } = claimOf(chart, store);
    t.deepEqual(others, []);
    t.deepEqual(spec, {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "slow",
      resources: { requests: { storage: sizes[store] } },
    });
    const { manifest, pod } = chart.workload(store);
    t.is(manifest.kind, "StatefulSet");
    t.is(manifest.spec.replicas, 1);
    const mount = pod.containers[0]?.volumeMounts?.find((one) => one.name === name);
    t.is(mount?.mountPath, folders[store]);
  }
  const { metadata } = parse(readFileSync(join(CHART, "aws-storage.yaml"), "utf8"));
  t.is(metadata.name, "slow");
});

test("the storage class can be set globally, per store, or left to the cluster", (t) => {
  const chart = render({ storageClass: "fast", redis: { storage: { storageClass: "faster", size: "1Gi" } } });
  t.is(claimOf(chart, "postgresql").spec.storageClassName, "fast");
  t.is(claimOf(chart, "minio").spec.storageClassName, "fast");
  t.is(claimOf(chart, "redis").spec.storageClassName, "faster");
  t.is(claimOf(chart, "redis").spec.resources.requests.storage, "1Gi");
  for (const store of STORES) {
    t.false("storageClassName" in claimOf(rendering("minimal"), store).spec, store);
  }
});

test("volume claim labels do not depend on the chart version", (t) => {
  for (const store of STORES) {
    const { spec } = rendering("default").workload(store).manifest;
    const { labels } = spec.volumeClaimTemplates[0].metadata;
    t.deepEqual(labels, spec.selector.matchLabels);
  }
});

test("Redis persists its data and never evicts keys", (t) => {
  const text = rendering("default").get("ConfigMap", `${FULL_NAME}-redis`).data?.["redis.conf"] ?? "";
  for (const line of ["appendonly yes", "appendfsync everysec", "dir /data", "maxmemory-policy noeviction"]) {
    t.true(text.split("\n").includes(line), line);
  }
  const always = render({ redis: { appendfsync: "always" } }).get("ConfigMap", `${FULL_NAME}-redis`);
  t.regex(always.data?.["redis.conf"] ?? "", /^appendfsync always$/m);
});

for (const store of STORES) {
  test(`an external ${store} and its Secret replace the chart's own`, (t) => {
    const chart = render({ [store]: (VALUES["all-external"] as Record<string, unknown>)[store] });
    const names = chart.manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    t.deepEqual(
      names.filter((name) => name.endsWith(`-${store}`)),
      [],
    );
    const left = STORES.filter((other) => other !== store);
    t.deepEqual(
      chart
        .of("StatefulSet")
        .map(({ metadata }) => metadata.name)
        .sort(),
      left.map((other) => `${FULL_NAME}-${other}`).sort(),
    );
    const belongs = { postgresql: /^DATABASE/, redis: /^REDIS/, minio: /OBJECT_STORE|^MINIO/ }[store];
    t.false(
      Object.keys(chart.credentials).some((key) => belongs.test(key)),
      "no password for it",
    );
    const secrets = { postgresql: "of-the-database", redis: "of-redis", minio: "of-the-objects" };
    t.true(chart.text.includes(`name: ${secrets[store]}\n`));
    for (const other of left) t.false(chart.text.includes(`name: ${secrets[other]}\n`));
  });
}
