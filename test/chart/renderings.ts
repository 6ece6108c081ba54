// The chart as operators install it: with default values, minimal, with external stores, and with everything enabled.
import { MINIMAL, type RenderedChart, render, type Values } from "./rendered-chart.js";

const EXTERNAL: Values = {
  postgresql: {
    enabled: false,
    external: {
      host: "db.example.org",
      port: 6432,
      database: "linkage",
      user: "linker",
      sslMode: "verify-full",
      existingSecret: "of-the-database",
      passwordKey: "password",
    },
  },
  redis: {
    enabled: false,
    external: { server: "sentinel.example.org", port: 26379, useSentinel: true, existingSecret: "of-redis" },
  },
  minio: {
    enabled: false,
    external: { server: "s3.example.org", existingSecret: "of-the-objects", accessKeyKey: "id" },
  },
};

const scheduling = (name: string) => ({
  podAnnotations: { "example.org/note": name },
  podLabels: { "example.org/part": name },
  nodeSelector: { "example.org/pool": name },
  affinity: { nodeAffinity: {} },
  tolerations: [{ key: "spot", operator: "Exists", effect: "NoSchedule" }],
  priorityClassName: `${name}-priority`,
});

const autoscaling = { enabled: true };
const podDisruptionBudget = { enabled: true };
const ingress = { enabled: true, className: "traefik", annotations: { "example.org/issuer": "ours" } };

/** A value for every key that is empty or disabled by default. */
export const EVERYTHING: Values = {
  imagePullSecrets: [{ name: "registry" }],
  extraCertificates: { configMap: "authority" },
  config: { REDIS_SOCKET_TIMEOUT: 10, MAX_PARTIES: "50" },
  api: {
    domain: "linkage.example.org",
    autoscaling,
    ingress: { ...ingress, hosts: ["other.example.org"] },
    nginx: { buffer: { storageClass: "fast" } },
    CORS_ORIGINS: "https://a.example.org,https://b.example.org",
    LOG_HTTP_HEADER_FIELDS: "User-Agent",
    MAX_UPLOAD_BYTES: "10_000_000_000",
    MAX_UPLOAD_ROWS: 50_000_000,
    MAX_BLOCKS_PER_ROW: 100,
    MAX_BLOCK_NAME_BYTES: 1000,
    UPLOAD_BLOCK_MEMORY_BYTES: "67_108_864",
    UPLOAD_LEASE_SECONDS: 30,
    MAX_JSON_BYTES: 1_000_000,
    MAX_PARTIES: 20,
    MIN_ENCODING_SIZE: 8,
    MAX_ENCODING_SIZE: 512,
    service: { type: "LoadBalancer", annotations: { "example.org/kind": "inner" } },
    ...scheduling("api"),
  },
  workers: {
    autoscaling,
    podDisruptionBudget,
    ...scheduling("worker"),
    highmemory: { autoscaling, podDisruptionBudget, ...scheduling("highmemory-worker") },
    monitor: { enabled: true, ingress: { enabled: true }, ...scheduling("monitor") },
  },
  prometheus: {
    serviceMonitor: { enabled: true, labels: { release: "watch" } },
    rules: { enabled: true, labels: { release: "watch" } },
  },
  postgresql: scheduling("postgresql"),
  redis: scheduling("redis"),
  minio: { domain: "objects.example.org", ingress, ...scheduling("minio") },
};

export const VALUES = {
  default: {},
  "all-external": EXTERNAL,
  "all-external, with a monitor": {
    ...EXTERNAL,
    credentials: { existingSecret: "of-our-own" },
    workers: { monitor: { enabled: true } },
  },
  "a Secret of the operator's": {
    credentials: { existingSecret: "of-our-own" },
    workers: { monitor: { enabled: true } },
  },
  "everything-on": EVERYTHING,
} as const satisfies Readonly<Record<string, Values>>;

export type RenderingName = keyof typeof VALUES | "minimal";

export const RENDERING_NAMES: readonly RenderingName[] = [
  ...(Object.keys(VALUES) as (keyof typeof VALUES)[]),
  "minimal",
];

const rendered = new Map<RenderingName, RenderedChart>();

export function rendering(name: RenderingName): RenderedChart {
  const known = rendered.get(name);
  if (known !== undefined) return known;
  const made = name === "minimal" ? render({}, { files: [MINIMAL] }) : render(VALUES[name]);
  rendered.set(name, made);
  return made;
}
