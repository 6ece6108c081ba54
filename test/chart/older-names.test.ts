import test from "ava";
import { notesOf } from "./notes.js";
import { render, type Values } from "./rendered-chart.js";

/** Without an existing Secret, passwords are generated, and no two renderings would be equal. */
const OWN_SECRET = { credentials: { existingSecret: "ours" } };
const external = { existingSecret: "theirs" };

/** Values for the Python service's chart, the equivalent ones for ours, and the hints in the notes. */
const OLDER: readonly (readonly [string, Values, Values, readonly string[]])[] = [
  [
    "replica counts",
    { api: { replicaCount: 3 }, workers: { replicaCount: 5, highmemory: { replicaCount: 2 } } },
    { api: { replicas: 3 }, workers: { replicas: 5, highmemory: { replicas: 2 } } },
    [
      "api.replicaCount -> api.replicas",
      "workers.replicaCount -> workers.replicas",
      "workers.highmemory.replicaCount -> workers.highmemory.replicas",
    ],
  ],
  [
    "the autoscaler",
    { workers: { autoscaler: { enabled: true, minReplicas: 2, maxReplicas: 8 } } },
    { workers: { autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 8 } } },
    ["workers.autoscaler.enabled -> workers.autoscaling.enabled"],
  ],
  [
    "containers of the API",
    {
      api: {
        app: { resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } } },
        www: {
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "1", memory: "64Mi" } },
        },
        dbinit: { enabled: "false" },
        service: { servicePort: 80 },
      },
    },
    {
      api: {
        resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } },
        nginx: {
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "1", memory: "64Mi" } },
        },
        service: { port: 80 },
      },
      provision: { database: { enabled: false } },
    },
    ["api.app.resources -> api.resources", "api.service.servicePort -> api.service.port"],
  ],
  [
    "settings and the object store for uploads",
    {
      anonlink: {
        config: { MAX_PARTIES: "30" },
        objectstore: { uploadServer: "up.example.org", uploadBucket: { name: "their-uploads" } },
      },
      minio: { defaultBucket: { name: "anonlink" } },
    },
    {
      config: { MAX_PARTIES: "30" },
      uploadObjectStore: { server: "up.example.org", bucket: "their-uploads" },
      minio: { bucket: "anonlink" },
    },
    ["anonlink.config -> config", "minio.defaultBucket.name -> minio.bucket"],
  ],
  [
    "external stores",
    {
      provision: { redis: false },
      redis: { server: "sentinel.example.org", useSentinel: true, sentinelName: "theirs", external },
    },
    {
      redis: {
        enabled: false,
        external: { server: "sentinel.example.org", useSentinel: true, sentinelName: "theirs", ...external },
      },
    },
    ["provision.redis -> redis.enabled", "redis.server -> redis.external.server"],
  ],
  [
    "volumes",
    {
      postgresql: { persistence: { size: "5Gi" } },
      minio: { persistence: { size: "7Gi", storageClass: "fast" } },
    },
    { postgresql: { storage: { size: "5Gi" } }, minio: { storage: { size: "7Gi", storageClass: "fast" } } },
    ["postgresql.persistence.size -> postgresql.storage.size"],
  ],
];

for (const [what, older, ours, hints] of OLDER) {
  test(`accepts the value names of the Python service's chart: ${what}`, (t) => {
    const chart = render({ ...older, ...OWN_SECRET });
    t.is(chart.text, render({ ...ours, ...OWN_SECRET }).text);
    t.not(chart.text, render(OWN_SECRET).text);
    const notes = notesOf({ ...older, ...OWN_SECRET });
    t.regex(notes, /These values have been renamed/);
    for (const hint of hints) t.true(notes.includes(hint), `${hint}: ${notes}`);
    t.notRegex(notesOf({ ...ours, ...OWN_SECRET }), /have been renamed/);
  });
}

test("names shared by both charts need no hint", (t) => {
  const values = {
    api: {
      domain: "linkage.example.org",
      ingress: {
        enabled: true,
        annotations: { "kubernetes.io/note": "x" },
        hosts: ["other.example.org"],
        path: "/",
        tls: [{ secretName: "of-the-domain", hosts: ["linkage.example.org"] }],
      },
    },
    workers: { monitor: { enabled: true }, CHUNK_SIZE_AIM: 200_000_000, celery: { CONCURRENCY: 3 } },
  };
  const [ingress] = render(values).of("Ingress");
  t.deepEqual(ingress?.spec.tls, [{ secretName: "of-the-domain", hosts: ["linkage.example.org"] }]);
  t.deepEqual(
    ingress?.spec.rules.map(({ host }: { host: string }) => host),
    ["linkage.example.org", "other.example.org"],
  );
  t.notRegex(notesOf(values), /have been renamed/);
});

test("the notes list values of the Python service's chart that are ignored", (t) => {
  t.regex(notesOf({ workers: { MAX_CACHE_SIZE: 100 } }), /workers\.MAX_CACHE_SIZE is ignored/);
  t.notRegex(notesOf(), /is ignored/);
});
