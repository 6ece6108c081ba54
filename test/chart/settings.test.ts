import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { parseTransportOptions } from "../../src/celery/index.js";
import { readServiceConfig } from "../../src/config/service-config.js";
import type { ContainerSpec } from "./manifests.js";
import { CHART, FULL_NAME, type RenderedChart, render } from "./rendered-chart.js";
import { EVERYTHING, RENDERING_NAMES, rendering } from "./renderings.js";

const file = (name: string) => readFileSync(join(CHART, "files", name), "utf8");

/** The variables that our program reads. */
function programVariables(): Set<string> {
  const names = new Set(["PGSSLMODE", "NODE_EXTRA_CA_CERTS"]); // read by its database driver and by Node
  const watched = new Proxy({} as Record<string, string>, {
    get(_, name) {
      names.add(String(name));
      return undefined;
    },
  });
  readServiceConfig(watched);
  return names;
}

const OURS = programVariables();
const inTemplate = new Set(file("nginx.conf.template").match(/(?<=\$\{)[A-Z_]+(?=\})/g));

/** The variables that third-party programs read, by container name. */
const OTHERS: Readonly<Record<string, (variable: string) => boolean>> = {
  nginx: (variable) => inTemplate.has(variable) || variable.startsWith("NGINX_ENVSUBST_"),
  flower: (variable) =>
    OURS.has(variable) || // from the shared ConfigMap
    /^(MONITOR_(USER|PASSWORD)|FLOWER_[A-Z_]+|PYTHONPATH|HOME|SSL_CERT_FILE)$/.test(variable),
  provision: (variable) =>
    OURS.has(variable) || file("provision.sh").includes(variable) || /^(HOME|SSL_CERT_FILE)$/.test(variable),
  postgresql: (variable) => /^(POSTGRES_(DB|USER|PASSWORD|INITDB_ARGS)|PGDATA)$/.test(variable),
  redis: (variable) => variable === "REDIS_PASSWORD",
  minio: (variable) => /^(MINIO_(ROOT_USER|ROOT_PASSWORD|BROWSER|UPDATE)|HOME)$/.test(variable),
};

/** The names of a container's variables, whether or not the chart knows their values. */
function variablesOf(chart: RenderedChart, container: ContainerSpec): string[] {
  const shared = (container.envFrom ?? []).flatMap(({ configMapRef }) =>
    Object.keys(chart.get("ConfigMap", configMapRef.name).data ?? {}),
  );
  return [...shared, ...(container.env ?? []).map(({ name }) => name)];
}

test("each variable set by the chart is read by its program", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    for (const workload of chart.workloads) {
      for (const container of workload.containers) {
        const isRead = OTHERS[container.name] ?? ((variable: string) => OURS.has(variable));
        const unread = variablesOf(chart, container).filter((variable) => !isRead(variable));
        t.deepEqual(unread, [], `${name}: ${workload.name}: ${container.name}`);
        const own = (container.env ?? []).map((variable) => variable.name);
        t.deepEqual(own, [...new Set(own)], "each once");
      }
    }
  }
});

test("each value named like a setting reaches a program that reads it", (t) => {
  const { api, workers } = parse(readFileSync(join(CHART, "values.yaml"), "utf8"));
  const given: Record<string, string | number> = {
    BROKER_URL: "redis://broker.example.org:6379/1",
    ROUTES: "{}",
  };
  const settingsIn = (values: object) =>
    Object.fromEntries(
      Object.entries(values)
        .filter(([name]) => /^[A-Z_]+$/.test(name))
        .map(([name, value]) => [name, given[name] ?? (typeof value === "string" ? value || "7" : value)]),
    );
  const before = rendering("default").get("ConfigMap", `${FULL_NAME}-settings`).data ?? {};
  const values = {
    api: settingsIn(api),
    workers: { ...settingsIn(workers), celery: settingsIn(workers.celery) },
  };
  values.api["CORS_ORIGINS"] = "*";
  const names = Object.keys({ ...values.api, ...values.workers, ...values.workers.celery });
  t.true(names.length >= 25);
  const after = render(values).get("ConfigMap", `${FULL_NAME}-settings`).data ?? {};
  for (const variable of Object.keys(after)) t.true(OURS.has(variable), variable);
  const isThere = (name: string) =>
    Object.keys(after).some((variable) => variable.endsWith(name.replace(/^DB_/, "")));
  for (const name of names) if (name !== "celery") t.true(isThere(name), name);
  t.true(Object.keys(after).length > Object.keys(before).length + 10);
});

test("every variable of the nginx template is substituted", (t) => {
  const nginx = rendering("default")
    .workload("api")
    .pod.containers.find((one) => one.name === "nginx")!;
  const environment = rendering("default").environmentOf(nginx);
  for (const variable of inTemplate) t.true(variable in environment, variable);
  const filter = new RegExp(environment["NGINX_ENVSUBST_FILTER"]!);
  for (const variable of inTemplate) t.regex(variable, filter);
  for (const variable of ["HOME", "request_uri", "API_ADDRESS_2"]) t.notRegex(variable, filter);
  t.is(
    rendering("default").get("ConfigMap", `${FULL_NAME}-nginx`).data?.["nginx.conf.template"]?.trim(),
    file("nginx.conf.template").trim(),
  );
});

/** The service's settings, as a container of the API or of a worker reads them. */
function configOf(chart: RenderedChart, part = "api") {
  const container = chart.workload(part).pod.containers[0]!;
  return readServiceConfig(chart.environmentOf(container));
}

for (const name of RENDERING_NAMES) {
  test(`the program accepts the settings: ${name}`, (t) => {
    const chart = rendering(name);
    const parts = ["api", "worker", ...(name === "minimal" ? [] : ["highmemory-worker"])];
    for (const part of parts) t.notThrows(() => configOf(chart, part), part);
    t.is(configOf(chart).encodingStore, "packed");
    t.true(configOf(chart, "worker").celery.acksLate);
    t.deepEqual(configOf(chart).redis, configOf(chart, "worker").redis, "they meet in one Redis");
  });
}

test("the settings point to the chart's own stores and passwords", (t) => {
  const chart = rendering("default");
  const { credentials } = chart;
  const { database, redis, celery, objectStore, uploadStore, downloadStore, limits } = configOf(chart);
  t.like(database, {
    host: `${FULL_NAME}-postgresql`,
    port: 5432,
    password: credentials["DATABASE_PASSWORD"],
  });
  t.like(redis, { host: `${FULL_NAME}-redis`, port: 6379, password: credentials["REDIS_PASSWORD"] });
  t.is(celery.brokerUrl, `redis://:${credentials["REDIS_PASSWORD"]}@${FULL_NAME}-redis:6379/0`);
  t.like(objectStore, {
    host: `${FULL_NAME}-minio`,
    port: 9000,
    secure: false,
    bucket: "entityservice",
    accessKey: credentials["MINIO_ACCESS_KEY"],
    secretKey: credentials["MINIO_SECRET_KEY"],
  });
  t.like(uploadStore, {
    endpoint: `${FULL_NAME}-minio:9000`,
    secure: false,
    bucket: "anonlink-uploads",
    accessKey: credentials["UPLOAD_OBJECT_STORE_ACCESS_KEY"],
    secretKey: credentials["UPLOAD_OBJECT_STORE_SECRET_KEY"],
  });
  t.is(downloadStore?.accessKey, credentials["DOWNLOAD_OBJECT_STORE_ACCESS_KEY"]);
  t.is(limits.chunkSizeAim, 300_000_000);
  for (const store of ["postgresql", "redis", "minio"]) {
    const { password, host, port } = {
      password: "",
      ...{ postgresql: database, redis, minio: objectStore }[store]!,
    };
    const [service] = chart.of("Service").filter(({ metadata }) => metadata.name === host);
    t.deepEqual(
      service?.spec.ports.map((one: { port: number }) => one.port),
      [port],
      `${store} ${password.length}`,
    );
  }
  const server = (part: string) => chart.environmentOf(chart.workload(part).pod.containers[0]!);
  t.is(server("postgresql")["POSTGRES_PASSWORD"], database.password);
  t.is(server("postgresql")["POSTGRES_USER"], database.user);
  t.is(server("postgresql")["POSTGRES_DB"], database.database);
  t.is(server("redis")["REDIS_PASSWORD"], redis.password);
  t.is(server("minio")["MINIO_ROOT_USER"], objectStore.accessKey);
  t.is(server("minio")["MINIO_ROOT_PASSWORD"], objectStore.secretKey);
});

test("the settings point to external stores", (t) => {
  const chart = rendering("all-external");
  const { database, redis, objectStore, celery } = configOf(chart);
  t.like(database, { host: "db.example.org", port: 6432, database: "linkage", user: "linker" });
  t.like(redis, { host: "sentinel.example.org", port: 26379, usesSentinel: true, sentinelName: "mymaster" });
  t.regex(celery.brokerUrl, /^sentinel:/);
  t.like(objectStore, { host: "s3.example.org", port: 443, secure: true });
  const api = chart.workload("api").pod.containers[0]!;
  t.is(chart.environmentOf(api)["PGSSLMODE"], "verify-full");
  const secrets = (api.env ?? []).map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef]);
  t.deepEqual(Object.fromEntries(secrets), {
    DATABASE_PASSWORD: { name: "of-the-database", key: "password" },
    REDIS_PASSWORD: { name: "of-redis", key: "REDIS_PASSWORD" },
    MINIO_ACCESS_KEY: { name: "of-the-objects", key: "id" },
    MINIO_SECRET_KEY: { name: "of-the-objects", key: "MINIO_SECRET_KEY" },
    ...Object.fromEntries(
      ["UPLOAD", "DOWNLOAD"].flatMap((use) =>
        ["ACCESS_KEY", "SECRET_KEY"].map((key) => {
          const name = `${use}_OBJECT_STORE_${key}`;
          return [name, { name: "of-the-objects", key: name, optional: true }];
        }),
      ),
    ),
  });
  t.deepEqual(chart.of("StatefulSet"), []);
  t.deepEqual(chart.of("Secret"), [], "no password to generate");
});

test("values reach the program's settings", (t) => {
  const config = configOf(rendering("everything-on"));
  t.deepEqual(config.http.corsOrigins, ["https://a.example.org", "https://b.example.org"]);
  t.deepEqual(config.http.loggedHeaders, ["user-agent"]);
  t.is(config.http.maxJsonByteLength, 1_000_000);
  t.is(config.http.maxParties, 50, "config wins");
  t.deepEqual(config.upload, {
    maxByteLength: 10_000_000_000,
    maxRecords: 50_000_000,
    maxBlocksPerRow: 100,
    maxBlockNameLength: 1000,
    blockMemoryByteLength: 67_108_864,
    leaseSeconds: 30,
  });
  t.is(config.redis.socketTimeoutMs, 10_000);
  t.deepEqual([config.limits.minEncodingSize, config.limits.maxEncodingSize], [8, 512]);
  t.is(config.uploadStore?.endpoint, "objects.example.org");
  t.is(config.uploadStore?.secure, true);
  const numbers = {
    CHUNK_SIZE_AIM: 123_456_789_012,
    SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS: "1_000_000_000",
    SOLVER_MAX_CANDIDATE_PAIRS: 200_000_000,
    celery: {
      CONCURRENCY: 4,
      PREFETCH_MULTIPLIER: 2,
      VISIBILITY_TIMEOUT_SECONDS: 600,
      BROKER_TRANSPORT_OPTIONS: "{'priority_steps': [0, 5], 'sep': ':'}",
      WORKER_ENABLE_REMOTE_CONTROL: false,
      MAX_MESSAGE_BYTES: 134_217_728,
      DB_MAX_CONNECTIONS: 5,
    },
  };
  const { limits, celery, database } = configOf(render({ workers: numbers }), "worker");
  t.is(limits.chunkSizeAim, 123_456_789_012, "not 1.23e+11");
  t.is(limits.similarityScoresMaxCandidatePairs, 1_000_000_000);
  t.is(limits.solverMaxCandidatePairs, 200_000_000);
  t.like(celery, { concurrency: 4, prefetchMultiplier: 2, visibilityTimeoutSeconds: 600 });
  t.deepEqual(parseTransportOptions(celery.transportOptions, 600), {
    prioritySteps: [0, 5],
    separator: ":",
    visibilityTimeoutSeconds: 600,
  });
  t.false(celery.enableRemoteControl);
  t.is(celery.maxMessageBytes, 134_217_728);
  t.true(database.maxConnections > 0);
});

/** Secrets that the operator creates and values refer to. */
const OF_THE_OPERATOR = ["of-the-database", "of-redis", "of-the-objects", "of-our-own"];

test("every referenced ConfigMap, Secret, key and service account exists", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    for (const { name: where, containers, pod } of chart.workloads) {
      for (const { env = [], envFrom = [] } of containers) {
        for (const { configMapRef } of envFrom) t.truthy(chart.find("ConfigMap", configMapRef.name), where);
        for (const { valueFrom } of env) {
          if (valueFrom === undefined) continue;
          const { name: secret, key } = valueFrom.secretKeyRef;
          if (OF_THE_OPERATOR.includes(secret)) continue;
          t.true(key in (chart.get("Secret", secret).data ?? {}), `${where}: ${secret}: ${key}`);
        }
      }
      for (const { configMap, secret } of pod.volumes ?? []) {
        t.is(secret, undefined);
        if (configMap === undefined || configMap.name === "authority") continue;
        const { data = {} } = chart.get("ConfigMap", configMap.name);
        for (const { key } of configMap.items ?? []) t.true(key in data, `${where}: ${key}`);
      }
      t.truthy(chart.find("ServiceAccount", pod.serviceAccountName ?? ""), where);
    }
    for (const account of chart.of("ServiceAccount")) t.is(account.automountServiceAccountToken, false);
    t.deepEqual([...chart.of("Role"), ...chart.of("ClusterRole")], [], "none has a right");
  }
});

test("generated passwords are long and unique, also across releases", (t) => {
  const first = render(EVERYTHING).credentials;
  const second = render(EVERYTHING).credentials;
  t.deepEqual(Object.keys(first).sort(), [
    "DATABASE_PASSWORD",
    "DOWNLOAD_OBJECT_STORE_ACCESS_KEY",
    "DOWNLOAD_OBJECT_STORE_SECRET_KEY",
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MONITOR_PASSWORD",
    "MONITOR_USER",
    "REDIS_PASSWORD",
    "UPLOAD_OBJECT_STORE_ACCESS_KEY",
    "UPLOAD_OBJECT_STORE_SECRET_KEY",
  ]);
  const values = [first, second].flatMap(({ MONITOR_USER, ...others }) => {
    t.is(MONITOR_USER, "monitor");
    return Object.values(others);
  });
  t.is(new Set(values).size, values.length);
  for (const [key, value] of Object.entries(first)) {
    if (key !== "MONITOR_USER") t.true(value.length >= (key.endsWith("ACCESS_KEY") ? 20 : 40), key);
  }
});

test("passwords appear only in the Secret", (t) => {
  const given = {
    postgresql: { password: "of-the-database-1" },
    redis: { password: "of-the-redis-2" },
    minio: { accessKey: "root-of-objects", secretKey: "of-the-objects-3" },
    uploadObjectStore: { accessKey: "uploader-of-it", secretKey: "of-the-uploads-4" },
    downloadObjectStore: { accessKey: "downloader-of-it", secretKey: "of-the-downloads-5" },
    workers: { monitor: { enabled: true, user: "a-watcher", password: "of-the-monitor-6" } },
  };
  for (const chart of [rendering("everything-on"), render(given)]) {
    const { MONITOR_USER: _, ...passwords } = chart.credentials;
    const others = JSON.stringify(chart.manifests.filter(({ kind }) => kind !== "Secret"));
    for (const [key, value] of Object.entries(passwords)) t.false(others.includes(value), key);
    for (const { containers, name } of chart.workloads) {
      for (const { env = [] } of containers) {
        for (const variable of env) {
          if (/PASSWORD|SECRET|ACCESS_KEY|TOKEN|_AUTH|ROOT_USER/.test(variable.name)) {
            const isMadeOfOthers = /^(\$\([A-Z_]+\):?)+$/.test(variable.value ?? "");
            t.true(variable.valueFrom !== undefined || isMadeOfOthers, `${name}: ${variable.name}`);
          }
        }
      }
    }
  }
  t.deepEqual(render(given).credentials, {
    DATABASE_PASSWORD: "of-the-database-1",
    REDIS_PASSWORD: "of-the-redis-2",
    MINIO_ACCESS_KEY: "root-of-objects",
    MINIO_SECRET_KEY: "of-the-objects-3",
    UPLOAD_OBJECT_STORE_ACCESS_KEY: "uploader-of-it",
    UPLOAD_OBJECT_STORE_SECRET_KEY: "of-the-uploads-4",
    DOWNLOAD_OBJECT_STORE_ACCESS_KEY: "downloader-of-it",
    DOWNLOAD_OBJECT_STORE_SECRET_KEY: "of-the-downloads-5",
    MONITOR_USER: "a-watcher",
    MONITOR_PASSWORD: "of-the-monitor-6",
  });
});

test("the Secret is kept on uninstall and is not a hook", (t) => {
  const { metadata, type } = rendering("default").get("Secret", FULL_NAME);
  t.deepEqual(metadata.annotations, { "helm.sh/resource-policy": "keep" });
  t.is(type, "Opaque");
});

test("an existing Secret replaces the generated one", (t) => {
  const chart = rendering("a Secret of the operator's");
  t.deepEqual(chart.of("Secret"), []);
  const names = chart.workloads.flatMap(({ containers }) =>
    containers.flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.name ?? [])),
  );
  t.deepEqual([...new Set(names)], ["of-our-own"]);
});
