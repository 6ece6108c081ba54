import test from "ava";
import { quantity } from "./manifests.js";
import { MINIMAL, render, type Workload } from "./rendered-chart.js";
import { RENDERING_NAMES, rendering } from "./renderings.js";

/** All pods of all renderings, with their names for messages. */
const everyPod: [string, Workload][] = RENDERING_NAMES.flatMap((name) =>
  rendering(name).workloads.map((workload): [string, Workload] => [`${name}: ${workload.name}`, workload]),
);
const everyContainer = everyPod.flatMap(([pod, workload]) =>
  workload.containers.map((container) => ({ where: `${pod}: ${container.name}`, workload, container })),
);

test("no pod runs as root, uses host namespaces, or mounts a service account token", (t) => {
  t.true(everyPod.length > 50);
  for (const [where, { pod, kind }] of everyPod) {
    const { securityContext } = pod;
    t.is(securityContext?.runAsNonRoot, true, where);
    t.true((securityContext?.runAsUser ?? 0) > 0, where);
    t.true((securityContext?.runAsGroup ?? 0) > 0, where);
    t.is(securityContext?.seccompProfile?.type, "RuntimeDefault", where);
    t.is(pod.automountServiceAccountToken, false, where);
    t.is(pod.enableServiceLinks, false, where);
    t.deepEqual([pod.hostNetwork, pod.hostPID, pod.hostIPC], [undefined, undefined, undefined], where);
    for (const { hostPath } of pod.volumes ?? []) t.is(hostPath, undefined, where);
    if (kind === "Job") t.is(pod.restartPolicy, "Never", where);
  }
});

test("no pod uses the default service account, unless account creation is disabled", (t) => {
  const accounts = rendering("default").workloads.map(({ pod }) => pod.serviceAccountName);
  t.false(accounts.includes("default"));
  const without = render({ serviceAccounts: { create: false } });
  t.deepEqual(without.of("ServiceAccount"), []);
  for (const { pod } of without.workloads) {
    t.is(pod.serviceAccountName, "default");
    t.is(pod.automountServiceAccountToken, false);
  }
});

test("every container drops all privileges and has a read-only root filesystem", (t) => {
  for (const { where, container } of everyContainer) {
    const { securityContext } = container;
    t.is(securityContext?.allowPrivilegeEscalation, false, where);
    t.is(securityContext?.readOnlyRootFilesystem, true, where);
    t.deepEqual(securityContext?.capabilities, { drop: ["ALL"] }, where);
    t.is(securityContext?.privileged, undefined, where);
    t.is(securityContext?.runAsUser, undefined, "that of the pod");
  }
});

test("each container has a writable, size-limited /tmp and mounts only volumes of its pod", (t) => {
  for (const { where, workload, container } of everyContainer) {
    const volumes = new Map((workload.pod.volumes ?? []).map((volume) => [volume.name, volume]));
    const claims = (workload.manifest.spec.volumeClaimTemplates ?? []).map(
      ({ metadata }: { metadata: { name: string } }) => metadata.name,
    );
    for (const { name } of container.volumeMounts ?? []) {
      t.true(volumes.has(name) || claims.includes(name), `${where}: ${name}`);
    }
    const temporary = container.volumeMounts?.find(({ mountPath }) => mountPath === "/tmp");
    t.truthy(temporary, where);
    t.true(temporary?.readOnly !== true, where);
    t.truthy(volumes.get(temporary?.name ?? "")?.emptyDir?.sizeLimit, `${where}: has a limit`);
  }
});

test("each container sets CPU and memory requests and limits", (t) => {
  for (const { where, container } of everyContainer) {
    const { requests = {}, limits = {} } = container.resources ?? {};
    for (const resource of ["cpu", "memory"]) {
      t.true(quantity(requests[resource] ?? 0) > 0, `${where}: ${resource}`);
      t.true(quantity(limits[resource] ?? 0) >= quantity(requests[resource] ?? 0), `${where}: ${resource}`);
    }
  }
});

test("each image has a fixed version tag", (t) => {
  for (const { where, container } of everyContainer) {
    const { image, imagePullPolicy } = container;
    t.regex(image, /^[a-z0-9./-]+:[A-Za-z0-9][A-Za-z0-9._-]+$/, where);
    t.regex(image, /:.*\d+\.\d+(\.\d+)?|:RELEASE\.\d{4}-\d\d-\d\d/, where);
    t.false(image.endsWith(":latest"), where);
    t.is(imagePullPolicy, "IfNotPresent", where);
  }
  const ours = render({
    image: { repository: "registry.example.org/ours", tag: "9.9.9", pullPolicy: "Always" },
  });
  const images = ours.workloads.flatMap(({ containers }) => containers.map(({ image }) => image));
  t.true(images.filter((image) => image === "registry.example.org/ours:9.9.9").length >= 8);
  t.false(images.some((image) => image.startsWith("anonlink-wasm")));
});

test("each long-running container has probes on ports that it exposes", (t) => {
  for (const [where, { kind, pod }] of everyPod) {
    if (kind === "Job" || kind === "Pod") continue;
    for (const container of pod.containers) {
      const ports = (container.ports ?? []).map(({ name }) => name);
      const named = `${where}: ${container.name}`;
      const { startupProbe, livenessProbe, readinessProbe } = container;
      t.truthy(startupProbe, named);
      t.truthy(livenessProbe, named);
      if (container.name !== "exporter") t.truthy(readinessProbe, named);
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
        if (port !== undefined) t.true(ports.includes(port), `${named}: ${port}`);
        else if (probe !== undefined) t.true((probe.exec?.command.length ?? 0) > 0, named);
      }
      const patience = (startupProbe?.periodSeconds ?? 10) * (startupProbe?.failureThreshold ?? 3);
      t.true(patience >= 60, `${named}: has ${patience} seconds to start`);
    }
  }
});

test("probes use the health endpoints of the programs", (t) => {
  const chart = rendering("everything-on");
  const paths = (part: string, name: string) => {
    const container = chart.workload(part).pod.containers.find((one) => one.name === name);
    const { startupProbe, livenessProbe, readinessProbe } = container ?? {};
    return [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet?.path);
  };
  t.deepEqual(paths("api", "api"), ["/healthz", "/healthz", "/readyz"]);
  t.deepEqual(paths("worker", "worker"), ["/healthz", "/healthz", "/readyz"]);
  t.deepEqual(paths("highmemory-worker", "worker"), ["/healthz", "/healthz", "/readyz"]);
  t.deepEqual(paths("api", "exporter"), ["/healthz", "/healthz", undefined]);
});

test("a selector matches only its own pods", (t) => {
  for (const name of RENDERING_NAMES) {
    const { workloads } = rendering(name);
    const selected = (selector: Record<string, string>) =>
      workloads.filter(({ labels }) =>
        Object.entries(selector).every(([key, value]) => labels[key] === value),
      );
    for (const { manifest, name: workload, kind } of workloads) {
      if (kind !== "Deployment" && kind !== "StatefulSet") continue;
      const found = selected(manifest.spec.selector.matchLabels).map((one) => one.name);
      t.deepEqual(found, [workload], name);
      t.is(manifest.spec.selector.matchLabels["app.kubernetes.io/version"], undefined, "which changes");
    }
  }
});

const QUEUES = { worker: "celery,compute", "highmemory-worker": "celery,compute,highmemory" };

test("each kind of worker consumes its own queues", (t) => {
  const chart = rendering("default");
  for (const [part, queues] of Object.entries(QUEUES)) {
    const { args = [] } = chart.workload(part).pod.containers[0] ?? {};
    t.is(args[0], "worker");
    t.is(args[args.indexOf("--queues") + 1], queues);
  }
  const alone = rendering("minimal");
  t.throws(() => alone.workload("highmemory-worker"));
  const { args = [] } = alone.workload("worker").pod.containers[0] ?? {};
  t.is(args[args.indexOf("--queues") + 1], QUEUES["highmemory-worker"], "no task is left over");
});

test("values set the replicas, unless an autoscaler does", (t) => {
  const values = { api: { replicas: 3 }, workers: { replicas: 20, highmemory: { replicas: 2 } } };
  const chart = render(values);
  const replicas = (part: string) => chart.workload(part).manifest.spec.replicas;
  t.deepEqual([replicas("api"), replicas("worker"), replicas("highmemory-worker")], [3, 20, 2]);
  const scaled = rendering("everything-on");
  for (const part of ["api", "worker", "highmemory-worker"]) {
    t.false("replicas" in scaled.workload(part).manifest.spec, part);
  }
});

test("a worker drains within the two-minute notice of a spot node", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    for (const part of Object.keys(QUEUES)) {
      const workload = chart.workloads.find((one) => one.labels["app.kubernetes.io/component"] === part);
      if (workload === undefined) continue;
      const grace = workload.pod.terminationGracePeriodSeconds ?? 30;
      t.true(grace <= 120, name);
      const drainSeconds = Number(
        chart.environmentOf(workload.pod.containers[0]!)["CELERY_SHUTDOWN_GRACE_SECONDS"],
      );
      t.true(drainSeconds >= 30 && drainSeconds <= grace - 10, `${drainSeconds} of ${grace} seconds`);
    }
  }
});

test("the API can finish requests in progress, and runs until nginx has stopped", (t) => {
  const { pod } = rendering("default").workload("api");
  t.is(pod.terminationGracePeriodSeconds, 300);
  const preStop = (name: string) =>
    pod.containers.find((one) => one.name === name)?.lifecycle?.preStop?.exec?.command.join(" ") ?? "";
  t.regex(preStop("nginx"), /sleep 5; nginx .*-s quit; while \[ -e \/buffer\/nginx\.pid \]/);
  t.regex(preStop("api"), /285000/);
  t.regex(preStop("api"), /\/buffer\/nginx\.pid/);
  t.true((rendering("default").workload("postgresql").pod.terminationGracePeriodSeconds ?? 30) >= 60);
});

test("pod placement, labels and annotations come from the values", (t) => {
  const chart = rendering("everything-on");
  const parts = ["api", "worker", "highmemory-worker", "monitor", "postgresql", "redis", "minio"];
  for (const part of parts) {
    const { pod, labels, annotations } = chart.workload(part);
    t.deepEqual(pod.nodeSelector, { "example.org/pool": part });
    t.deepEqual(pod.tolerations, [{ key: "spot", operator: "Exists", effect: "NoSchedule" }]);
    t.deepEqual(pod.affinity, { nodeAffinity: {} });
    t.is(pod.priorityClassName, `${part}-priority`);
    t.is(labels["example.org/part"], part);
    t.is(annotations["example.org/note"], part);
  }
  for (const { pod } of chart.workloads) t.deepEqual(pod.imagePullSecrets, [{ name: "registry" }]);
});

test("pods of a part are spread over nodes by that part's labels", (t) => {
  for (const part of ["api", "worker", "highmemory-worker"]) {
    const { pod, manifest } = rendering("default").workload(part);
    const [constraint, ...others] = pod.topologySpreadConstraints ?? [];
    t.deepEqual(others, []);
    t.deepEqual(constraint?.labelSelector.matchLabels, manifest.spec.selector.matchLabels);
  }
});

test("the minimal values request at most 1 CPU and 2 GiB, including a hook job and the monitor", (t) => {
  const minimal = render({ workers: { monitor: { enabled: true } } }, { files: [MINIMAL] });
  const needs = (resource: string) => {
    let sum = 0;
    let largestJob = 0;
    for (const { kind, pod, manifest } of minimal.workloads) {
      const of = (containers: typeof pod.containers) =>
        containers.map(({ resources }) => quantity(resources?.requests?.[resource] ?? 0));
      const together = of(pod.containers).reduce((total, one) => total + one, 0);
      const pods = Math.max(together, ...of(pod.initContainers ?? [])) * (manifest.spec.replicas ?? 1);
      if (kind === "Deployment" || kind === "StatefulSet") sum += pods;
      else largestJob = Math.max(largestJob, pods);
    }
    return sum + largestJob;
  };
  t.true(needs("cpu") <= 1, String(needs("cpu")));
  t.true(needs("memory") <= 2 * 2 ** 30, String(needs("memory")));
  const limits = minimal.workloads
    .filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")
    .flatMap(({ pod }) =>
      pod.containers.map(({ resources }) => quantity(resources?.limits?.["memory"] ?? 0)),
    );
  t.true(limits.reduce((sum, limit) => sum + limit, 0) <= 4 * 2 ** 30, "also where each takes all it may");
});

test("pods restart when the configuration they read at startup changes", (t) => {
  const annotationsOf = (values: object, part: string) =>
    JSON.stringify(render({ ...values }, {}).workload(part).annotations);
  const keys = {
    postgresql: { password: "a-long-password" },
    redis: { password: "a-long-password" },
    minio: { accessKey: "an-access-key", secretKey: "a-long-secret-key" },
    uploadObjectStore: { accessKey: "an-uploader", secretKey: "a-long-secret-key" },
    downloadObjectStore: { accessKey: "a-downloader", secretKey: "a-long-secret-key" },
  };
  for (const part of ["api", "worker", "highmemory-worker", "redis"]) {
    const before = annotationsOf(keys, part);
    t.is(annotationsOf(keys, part), before, "and not otherwise");
    t.not(annotationsOf({ ...keys, redis: { password: "another-password" } }, part), before, part);
  }
  for (const part of ["api", "worker"]) {
    const values = { ...keys, workers: { CHUNK_SIZE_AIM: 1000 } };
    t.not(annotationsOf(values, part), annotationsOf(keys, part), part);
  }
});
