import test from "ava";
import { FULL_NAME, render, type Workload } from "./rendered-chart.js";
import { rendering } from "./renderings.js";

function hookOf({ annotations, kind }: { annotations?: Readonly<Record<string, string>>; kind: string }) {
  const hook = annotations?.["helm.sh/hook"];
  if (hook === undefined) return undefined;
  return {
    kind,
    on: hook.split(","),
    weight: Number(annotations?.["helm.sh/hook-weight"] ?? 0),
    deletion: annotations?.["helm.sh/hook-delete-policy"]?.split(","),
  };
}

function hooksIn(name: Parameters<typeof rendering>[0]) {
  return rendering(name).manifests.flatMap(({ kind, metadata }) => {
    const hook = hookOf({ kind, annotations: metadata.annotations });
    return hook === undefined ? [] : [{ name: metadata.name.slice(FULL_NAME.length + 1), ...hook }];
  });
}

test("an upgrade migrates the database before any other change", (t) => {
  const [migrate] = hooksIn("default").filter(({ name, kind }) => name === "migrate" && kind === "Job");
  t.deepEqual(migrate?.on, ["pre-upgrade"], "at the install the chart's own database is not there yet");
  const [external] = hooksIn("all-external").filter(({ name, kind }) => name === "migrate" && kind === "Job");
  t.deepEqual(external?.on, ["pre-install", "pre-upgrade"]);
});

test("a hook's ServiceAccount is created before its job", (t) => {
  for (const name of ["default", "all-external", "everything-on"] as const) {
    const hooks = hooksIn(name);
    const account = hooks.find((hook) => hook.kind === "ServiceAccount");
    const job = hooks.find((hook) => hook.kind === "Job" && hook.name === "migrate");
    t.true((account?.weight ?? 0) < (job?.weight ?? 0), name);
    t.deepEqual(account?.on, job?.on);
  }
});

test("pre-install and pre-upgrade jobs use nothing that the release creates later", (t) => {
  for (const name of ["default", "all-external", "everything-on"] as const) {
    const chart = rendering(name);
    const early = chart.workloads.filter(({ manifest }) =>
      /pre-/.test(manifest.metadata.annotations?.["helm.sh/hook"] ?? ""),
    );
    t.is(early.length, 1);
    for (const { pod, containers } of early) {
      const account = chart.get("ServiceAccount", pod.serviceAccountName ?? "");
      t.truthy(account.metadata.annotations?.["helm.sh/hook"]);
      for (const { envFrom } of containers)
        t.is(envFrom, undefined, "a ConfigMap of the old release, or of none");
    }
  }
});

test("MinIO's client creates buckets and users after each install and upgrade", (t) => {
  const [provision] = hooksIn("default").filter(({ name }) => name === "provision");
  t.deepEqual(provision?.on, ["post-install", "post-upgrade"]);
  const { containers, pod } = rendering("default").workload("provision");
  const [container] = containers;
  t.deepEqual(container?.command, ["/bin/sh", "/provision/provision.sh"]);
  const script = pod.volumes?.find(({ name }) => name === "script")?.configMap;
  t.deepEqual(
    script?.items?.map(({ key }) => key),
    ["provision.sh", "download-only.json", "upload-only.json"],
  );
  const names = (container?.env ?? []).map(({ name }) => name);
  for (const variable of [
    "MINIO_ACCESS_KEY",
    "UPLOAD_OBJECT_STORE_SECRET_KEY",
    "DOWNLOAD_OBJECT_STORE_SECRET_KEY",
  ]) {
    t.true(names.includes(variable), variable);
  }
  t.is(container?.env?.find(({ name }) => name === "POLICIES_FOLDER")?.value, "/provision/policies");
  const external = { minio: { enabled: false, external: { server: "s3.example.org", existingSecret: "a" } } };
  t.throws(() => render(external).workload("provision"), undefined, "none in a store of others");
  t.notThrows(() =>
    render({ ...external, provision: { objectStore: { external: true } } }).workload("provision"),
  );
});

test("jobs have retry and time limits, and leftovers are removed before the next run", (t) => {
  const jobs = rendering("default").workloads.filter(({ kind }: Workload) => kind === "Job");
  t.is(jobs.length, 2);
  for (const { manifest, name } of jobs) {
    t.true(manifest.spec.backoffLimit >= 1 && manifest.spec.activeDeadlineSeconds > 0, name);
  }
  for (const { name, deletion, on } of hooksIn("everything-on")) {
    t.true(deletion?.includes("before-hook-creation"), name);
    t.false(deletion?.includes("hook-failed"), "its log is what helps");
    if (on.includes("test"))
      t.deepEqual(deletion, ["before-hook-creation"], "so that `helm test --logs` finds it");
  }
});

test("the API and workers wait for the tables, and jobs can be disabled", (t) => {
  for (const part of ["api", "worker", "highmemory-worker"]) {
    const [first, ...others] = rendering("default").workload(part).pod.initContainers ?? [];
    t.deepEqual(others, []);
    t.deepEqual(first?.args, ["migrate"], part);
  }
  const without = render({ provision: { database: { enabled: false }, objectStore: { enabled: false } } });
  t.deepEqual(without.of("Job"), []);
  t.is(without.workload("api").pod.initContainers, undefined);
});

test("`helm test` runs both suites against the Service, using the service's image", (t) => {
  const chart = rendering("default");
  const hooks = hooksIn("default").filter(({ on }) => on.includes("test"));
  t.deepEqual(
    hooks.map(({ name }) => name),
    ["integration-test", "e2e-test"],
  );
  for (const suite of ["integration", "e2e"]) {
    const { pod, kind } = chart.workload(`${suite}-test`);
    t.is(kind, "Pod");
    t.is(pod.restartPolicy, "Never");
    const { args = [], image } = pod.containers[0]!;
    t.deepEqual(args.slice(0, 5), ["check", "--url", `http://${FULL_NAME}-api:8851`, "--suite", suite]);
    t.is(image, chart.workload("api").pod.containers[0]!.image);
  }
});
