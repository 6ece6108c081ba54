import test from "ava";
import { type Manifest, matches } from "./manifests.js";
import { type End, mayReach } from "./reachability.js";
import { FULL_NAME, type RenderedChart, render } from "./rendered-chart.js";
import { RENDERING_NAMES, rendering } from "./renderings.js";

/** Ports, and the parts that serve them. */
const PORTS = {
  nginx: ["api", 8851],
  api: ["api", 8850],
  exporter: ["api", 8853],
  health: ["worker", 8852],
  monitor: ["monitor", 8888],
  postgresql: ["postgresql", 5432],
  redis: ["redis", 6379],
  minio: ["minio", 9000],
} as const;
type Port = keyof typeof PORTS;

const ANYBODY: readonly Port[] = ["nginx", "api", "exporter", "health", "monitor"];

/** The allowed connections with default values and the monitor; all others are blocked. */
const REACHES: Readonly<Record<string, readonly Port[]>> = {
  api: ["postgresql", "redis", "minio"],
  worker: ["postgresql", "redis", "minio"],
  "highmemory-worker": ["postgresql", "redis", "minio"],
  monitor: ["redis"],
  migrate: [...ANYBODY, "postgresql"],
  provision: [...ANYBODY, "minio"],
  "e2e-test": [...ANYBODY, "minio"],
  "integration-test": [...ANYBODY, "minio"],
  postgresql: [],
  redis: [],
  minio: [],
  outside: ANYBODY,
};

function endOf(chart: RenderedChart, part: string): End {
  return part === "outside" ? part : { labels: chart.workload(part).labels };
}

function reachesOf(chart: RenderedChart, part: string): Port[] {
  return (Object.keys(PORTS) as Port[]).filter((name) => {
    const [target, port] = PORTS[name];
    return mayReach(chart, endOf(chart, part), endOf(chart, target), port);
  });
}

const monitored = render({ workers: { monitor: { enabled: true } } });

for (const [part, expected] of Object.entries(REACHES)) {
  test(`network policies: connections from ${part}`, (t) => {
    t.deepEqual(reachesOf(monitored, part).sort(), [...expected].sort());
  });
}

test("a policy covers every long-running pod in both directions", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    for (const { kind, labels, name: workload } of chart.workloads) {
      if (kind !== "Deployment" && kind !== "StatefulSet") continue;
      const policies = chart
        .of("NetworkPolicy")
        .filter(({ spec }) => matches(spec.podSelector.matchLabels, labels));
      t.deepEqual(
        policies.map(({ spec }) => spec.policyTypes),
        [["Ingress", "Egress"]],
        `${name}: ${workload}`,
      );
    }
  }
});

test("access can be restricted to selected peers, and the Helm tests still pass", (t) => {
  const watchers = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }];
  const chart = render({
    workers: { monitor: { enabled: true } },
    networkPolicy: { api: { from: watchers }, metrics: { from: watchers }, monitor: { from: watchers } },
  });
  t.deepEqual(reachesOf(chart, "outside"), []);
  t.deepEqual(reachesOf(chart, "e2e-test").sort(), ["minio", "nginx"]);
  const api = chart.get("NetworkPolicy", `${FULL_NAME}-api`);
  t.deepEqual(api.spec.ingress[0].from, watchers);
});

test("clients can reach the object store if it is exposed to them", (t) => {
  const values = { minio: { domain: "objects.example.org", ingress: { enabled: true } } };
  t.deepEqual(
    reachesOf(render({ ...values, workers: { monitor: { enabled: true } } }), "outside").sort(),
    [...ANYBODY, "minio"].sort(),
  );
});

test("external stores and the cluster's DNS are reachable", (t) => {
  const chart = rendering("all-external");
  for (const part of ["api", "worker", "highmemory-worker"]) {
    for (const port of [6432, 26379, 6379, 443, 53]) {
      t.true(mayReach(chart, endOf(chart, part), "outside", port), `${part}: ${port}`);
    }
    t.false(mayReach(chart, endOf(chart, part), "outside", 25), part);
  }
  for (const part of ["api", "worker", "highmemory-worker", "monitor"]) {
    const { spec } = monitored.get("NetworkPolicy", `${FULL_NAME}-${part}`);
    const toDns = spec.egress.find(({ ports }: { ports: { port: number }[] }) =>
      ports.some(({ port }) => port === 53),
    );
    t.deepEqual(
      toDns.ports
        .map(({ protocol, port }: { protocol: string; port: number }) => `${protocol} ${port}`)
        .slice(0, 2),
      ["UDP 53", "TCP 53"],
    );
  }
});

test("without policies all connections are allowed; without egress policies only outgoing ones", (t) => {
  const open = render({ networkPolicy: { enabled: false } });
  t.deepEqual(open.of("NetworkPolicy"), []);
  const half = render({ networkPolicy: { egress: false } });
  t.true(mayReach(half, endOf(half, "worker"), "outside", 25));
  t.false(mayReach(half, "outside", endOf(half, "redis"), 6379));
});

test("each Service selects pods of one part, with ports that they expose", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    for (const { metadata, spec } of chart.of("Service")) {
      const found = chart.workloads.filter(({ labels }) => matches(spec.selector, labels));
      t.is(found.length, 1, `${name}: ${metadata.name}`);
      const ports = new Map(
        found
          .flatMap(({ pod }) => pod.containers.flatMap((one) => one.ports ?? []))
          .map((one) => [one.name, one]),
      );
      for (const { targetPort } of spec.ports)
        t.true(ports.has(targetPort), `${metadata.name}: ${targetPort}`);
    }
    for (const { metadata, spec } of chart.of("StatefulSet")) {
      t.truthy(chart.find("Service", spec.serviceName), metadata.name);
    }
  }
});

test("the API's Service exposes only nginx, and metrics have other ports", (t) => {
  const chart = rendering("default");
  const { spec } = chart.get("Service", `${FULL_NAME}-api`);
  t.deepEqual(spec.ports, [{ name: "http", port: 8851, targetPort: "http" }]);
  t.is(spec.type, "ClusterIP");
  const ports = chart
    .workload("api")
    .pod.containers.flatMap(({ name, ports: own }) => own?.map((one) => [name, one]) ?? []);
  t.deepEqual(ports, [
    ["api", { name: "api", containerPort: 8850 }],
    ["nginx", { name: "http", containerPort: 8851 }],
    ["exporter", { name: "exporter", containerPort: 8853 }],
  ]);
  t.is(chart.workload("worker").pod.containers[0]?.ports?.[0]?.containerPort, 8852);
});

test("a ServiceMonitor selects Services with the ports it scrapes", (t) => {
  const chart = rendering("everything-on");
  const found: Record<string, string[]> = {};
  for (const { metadata, spec } of chart.of("ServiceMonitor")) {
    const services = chart
      .of("Service")
      .filter((one) => matches(spec.selector.matchLabels, one.metadata.labels ?? {}));
    found[metadata.name] = services.map((one) => one.metadata.name.slice(FULL_NAME.length + 1)).sort();
    for (const { port, path } of spec.endpoints) {
      t.is(path, "/metrics");
      for (const service of services) {
        t.true(
          service.spec.ports.some(({ name }: { name: string }) => name === port),
          `${service.metadata.name}: ${port}`,
        );
      }
    }
  }
  t.deepEqual(found, {
    [`${FULL_NAME}-api`]: ["api-metrics"],
    [`${FULL_NAME}-worker`]: ["highmemory-worker-metrics", "worker-metrics"],
  });
});

test("an Ingress routes to existing Services, with TLS for each host", (t) => {
  t.deepEqual(rendering("default").of("Ingress"), []);
  const chart = rendering("everything-on");
  const ingresses = chart.of("Ingress");
  t.is(ingresses.length, 2);
  for (const { spec, metadata } of ingresses) {
    t.is(spec.ingressClassName, "traefik");
    t.deepEqual(metadata.annotations, { "example.org/issuer": "ours" });
    const hosts = spec.rules.map(({ host }: { host: string }) => host);
    t.deepEqual(
      spec.tls.flatMap((one: { hosts: string[] }) => one.hosts),
      hosts,
    );
    for (const { http } of spec.rules) {
      for (const { backend } of http.paths) {
        const { spec: service } = chart.get("Service", backend.service.name);
        const names = service.ports.map(({ name }: { name: string }) => name);
        t.true(names.includes(backend.service.port.name));
      }
    }
  }
  const api = chart.get("Ingress", `${FULL_NAME}-api`).spec;
  t.deepEqual(
    api.rules.map(({ host }: { host: string }) => host),
    ["linkage.example.org", "other.example.org"],
  );
  t.deepEqual(
    api.rules[0].http.paths.map(({ path }: { path: string }) => path),
    ["/monitor", "/"],
  );
});

test("autoscalers target existing workloads whose container requests CPU", (t) => {
  const chart = rendering("everything-on");
  const targets = chart.of("HorizontalPodAutoscaler").map(({ spec }: Manifest) => {
    const { kind, name, apiVersion } = spec.scaleTargetRef;
    const target = chart.get(kind, name);
    t.is(target.apiVersion, apiVersion);
    t.true(spec.minReplicas <= spec.maxReplicas);
    const [{ containerResource }] = spec.metrics;
    const scaled = chart.workloads.find((workload) => workload.name === name)?.pod.containers;
    const container = scaled?.find((one) => one.name === containerResource.container);
    t.truthy(container?.resources?.requests?.["cpu"], name);
    return name.slice(FULL_NAME.length + 1);
  });
  t.deepEqual(targets.sort(), ["api", "highmemory-worker", "worker"]);
  t.deepEqual(rendering("default").of("HorizontalPodAutoscaler"), []);
});

test("disruption budgets select the pods of one part and allow node drains", (t) => {
  const selected = (chart: RenderedChart) =>
    chart.of("PodDisruptionBudget").flatMap(({ spec }) => {
      t.is(spec.maxUnavailable, 1);
      t.is(spec.minAvailable, undefined);
      const found = chart.workloads.filter(({ labels }) => matches(spec.selector.matchLabels, labels));
      return found.map(({ name }) => name.slice(FULL_NAME.length + 1));
    });
  t.deepEqual(selected(rendering("default")), ["api"]);
  t.deepEqual(selected(rendering("everything-on")).sort(), ["api", "highmemory-worker", "worker"]);
});
