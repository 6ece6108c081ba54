// compose.yaml as Docker reads it, and its parts that run without containers.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv, promisify } from "node:util";
import test from "ava";
import { parse } from "yaml";
import { readServiceConfig } from "../../src/config/service-config.js";
import { readConfig } from "../../src/config.js";
import { composeProgram } from "../servers/compose-program.js";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";
import { fillTemplate, templateText } from "./nginx-server.js";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
const deploy = join(project, "deploy");
const text = readFileSync(join(deploy, "compose.yaml"), "utf8");
const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { version: string };

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly user?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly networks?: Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly ports?: readonly {
    readonly host_ip?: string;
    readonly published: string;
    readonly target: number;
  }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly stop_grace_period?: string;
}

interface Composition {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** The services that run our program. */
const OURS = ["api", "exporter", "migrate", "worker", "worker-highmemory"];
const ONCE = ["migrate", "provision"];
const REQUIRED = [
  "DATABASE_PASSWORD",
  "DOWNLOAD_OBJECT_STORE_ACCESS_KEY",
  "DOWNLOAD_OBJECT_STORE_SECRET_KEY",
  "MINIO_ACCESS_KEY",
  "MINIO_SECRET_KEY",
  "MONITOR_PASSWORD",
  "REDIS_PASSWORD",
  "UPLOAD_OBJECT_STORE_ACCESS_KEY",
  "UPLOAD_OBJECT_STORE_SECRET_KEY",
];

const folder = mkdtempSync(join(tmpdir(), "compose-"));
let secrets: Record<string, string>;
let composition: Composition;
test.before(async () => {
  cpSync(join(deploy, "make-env"), join(folder, "make-env"));
  cpSync(join(deploy, ".env.example"), join(folder, ".env.example"));
  await run(join(folder, "make-env"));
  secrets = parseEnv(readFileSync(join(folder, ".env"), "utf8")) as Record<string, string>;
  composition = await read(text, secrets);
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Returns a Compose file in deploy/ as Docker reads it. The reader ignores environment variables, so those with values
 * are substituted first; it resolves the others.
 */
async function read(content: string, env: Readonly<Record<string, string>>): Promise<Composition> {
  const file = join(mkdtempSync(join(folder, "read-")), "compose.yaml");
  const withValues = content.replace(/\$\{(\w+):[-?][^}]*\}/g, (reference, name: string) =>
    env[name] ? `\${${name}:-${env[name]}}` : reference,
  );
  writeFileSync(file, withValues);
  const options = { cwd: deploy, env: { PATH: process.env["PATH"]! }, maxBuffer: 2 ** 26 };
  const { stdout } = await run(composeProgram(), ["--format", "json", file], options);
  return JSON.parse(stdout) as Composition;
}

test("all services are present and confined", (t) => {
  const others = ["db", "flower", "minio", "nginx", "prometheus", "provision", "redis"];
  t.deepEqual(Object.keys(composition.services).sort(), [...OURS, ...others].sort());
  for (const [name, service] of Object.entries(composition.services)) {
    t.true(service.read_only, name);
    t.deepEqual(service.cap_drop, ["ALL"], name);
    t.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
    t.regex(service.image, /^[\w./-]+:[\w.-]*\d[\w.-]*$/, `${name} has a version`);
    t.is(service.restart, ONCE.includes(name) ? "no" : "unless-stopped", name);
    // Our image has a health check; services that run once have none.
    if (!OURS.includes(name) && !ONCE.includes(name)) t.truthy(service.healthcheck?.test.length, name);
  }
  for (const name of OURS) t.is(composition.services[name]!.image, `anonlink-wasm:${version}`);
});

test("ports are published on localhost only, and stores have an internal network", (t) => {
  const published = Object.entries(composition.services).flatMap(([name, { ports = [] }]) =>
    ports.map(({ host_ip, published, target }) => `${name} ${host_ip}:${published} ${target}`),
  );
  t.deepEqual(published.sort(), [
    "flower 127.0.0.1:8888 8888",
    "minio 127.0.0.1:9000 9000",
    "nginx 127.0.0.1:8851 8851",
    "prometheus 127.0.0.1:9090 9090",
  ]);
  t.true(composition.networks["stores"]!.internal);
  const networksOf = (name: string) => Object.keys(composition.services[name]!.networks!).sort();
  for (const name of ["db", "redis", "migrate", "provision"]) t.deepEqual(networksOf(name), ["stores"], name);
  for (const name of ["nginx", "exporter", "prometheus"]) t.deepEqual(networksOf(name), ["front"], name);
  t.truthy(composition.services["api"]!.networks!["front"]!.ipv4_address, "nginx finds it again");
});

test("services start after their dependencies are ready, and have time to stop", (t) => {
  // The reader does not report names that do not exist.
  for (const { depends_on = {}, networks } of Object.values(composition.services)) {
    for (const name of Object.keys(depends_on)) t.true(name in composition.services, name);
    for (const name of Object.keys(networks!)) t.true(name in composition.networks, name);
  }
  const needs = (name: string) =>
    Object.entries(composition.services[name]!.depends_on ?? {}).map(
      ([on, { condition }]) => `${on} ${condition}`,
    );
  const stores = [
    "migrate service_completed_successfully",
    "provision service_completed_successfully",
    "redis service_healthy",
  ];
  for (const name of ["api", "worker", "worker-highmemory"]) t.deepEqual(needs(name).sort(), stores, name);
  t.deepEqual(needs("migrate"), ["db service_healthy"]);
  t.deepEqual(needs("provision"), ["minio service_healthy"]);
  t.deepEqual(needs("nginx"), ["api service_healthy"]);
  for (const name of ["worker", "worker-highmemory"]) {
    t.is(composition.services[name]!.stop_grace_period, "2m", "a worker finishes its tasks");
  }
});

test("the programs accept their commands and settings", async (t) => {
  for (const name of OURS) {
    const [command = "", ...options] = composition.services[name]!.command!;
    const { stdout } = await run(process.execPath, [join(project, "dist/cli/main.js"), command, "--help"]);
    t.regex(stdout, new RegExp(`^Usage: anonlink-wasm ${command} `), name);
    for (const option of options.filter((word) => word.startsWith("--"))) {
      t.regex(stdout, new RegExp(`^ +${option} `, "m"), `${name} ${option}`);
    }
  }
  const api = readServiceConfig(composition.services["api"]!.environment!);
  t.is(api.database.password, secrets["DATABASE_PASSWORD"]!);
  t.is(api.celery.brokerUrl, `redis://:${secrets["REDIS_PASSWORD"]}@redis:6379/0`);
  t.is(api.encodingStore, "packed");
  t.is(api.uploadStore, undefined, "off until clients can reach the object store");
  t.is(api.downloadStore?.accessKey, secrets["DOWNLOAD_OBJECT_STORE_ACCESS_KEY"]);
  for (const name of ["worker", "worker-highmemory"]) {
    const worker = readConfig(composition.services[name]!.environment!);
    t.deepEqual(worker.objectStore, api.objectStore);
    t.deepEqual(worker.celery, api.celery);
    t.is(worker.limits.solverMaxCandidatePairs, 100_000_000);
  }
  t.is(composition.services["flower"]!.environment!["CELERY_BROKER_URL"], api.celery.brokerUrl);
  t.deepEqual(composition.services["worker-highmemory"]!.command!.slice(-1), ["celery,compute,highmemory"]);

  const shared = await read(text, {
    ...secrets,
    UPLOAD_OBJECT_STORE_ENABLED: "true",
    OBJECT_STORE_SERVER: "objects.example:9000",
  });
  const { uploadStore } = readServiceConfig(shared.services["api"]!.environment!);
  t.like(uploadStore, { endpoint: "objects.example:9000", secure: false, bucket: "anonlink-uploads" });
});

test("a missing password is an error that names make-env", async (t) => {
  for (const missing of REQUIRED) {
    const { [missing]: _, ...rest } = secrets;
    for (const env of [rest, { ...rest, [missing]: "" }]) {
      const error = await t.throwsAsync(read(text, env));
      t.true(error!.message.includes(`required variable ${missing} is missing a value`), missing);
      t.true(error!.message.includes("./make-env makes it"));
    }
  }
});

test("make-env generates random passwords once, readable by its user only", async (t) => {
  t.is(statSync(join(folder, ".env")).mode & 0o777, 0o600);
  t.deepEqual(Object.keys(secrets).sort(), REQUIRED);
  for (const [name, value] of Object.entries(secrets)) {
    t.regex(value, name.endsWith("ACCESS_KEY") ? /^[0-9a-f]{20}$/ : /^[0-9a-f]{40}$/, name);
  }
  t.is(new Set(Object.values(secrets)).size, REQUIRED.length);
  const error = await t.throwsAsync(run(join(folder, "make-env")));
  t.regex(error!.message, /\.env is there already/);
  t.deepEqual(parseEnv(readFileSync(join(folder, ".env"), "utf8")), secrets);
  t.regex(readFileSync(join(deploy, ".gitignore"), "utf8"), /^\.env$/m);
});

test(".env.example lists all optional settings with their defaults", (t) => {
  const example = readFileSync(join(deploy, ".env.example"), "utf8");
  const defaults = new Map(
    [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name, value]) => [name!, value!]),
  );
  const named = [...example.matchAll(/^#(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!] as const);
  t.deepEqual(new Map([...named].sort()), new Map([...defaults].sort()));
  const required = new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!));
  t.deepEqual([...required].sort(), REQUIRED);
});

test("rejects errors in the Compose file", async (t) => {
  const wrong = [
    ["shm_size:", "shm_sise:"],
    ["{ condition: service_healthy, restart: true }", "{ condition: service_helthy }"],
    ["networks: [stores]", "networks: { stores: [] }"],
    ["stop_grace_period: 2m", "stop_grace_period: [2m]"],
  ] as const;
  for (const [right, other] of wrong) {
    t.true(text.includes(right), right);
    await t.throwsAsync(read(text.replace(right, other), secrets), undefined, other);
  }
});

test("all mounted files and volumes exist", (t) => {
  for (const [name, { volumes = [] }] of Object.entries(composition.services)) {
    for (const { type, source } of volumes) {
      if (type === "bind") t.true(existsSync(source), `${name}: ${source}`);
      else t.true(source in composition.volumes, `${name}: ${source}`);
    }
  }
  t.true((statSync(join(deploy, "make-env")).mode & 0o100) !== 0);
});

test("nginx gets all variables of its template, and no others are substituted", async (t) => {
  const { environment } = composition.services["nginx"]!;
  const filter = new RegExp(environment!["NGINX_ENVSUBST_FILTER"]!);
  const variables = [...new Set([...templateText().matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!))];
  t.true(variables.length > 5);
  for (const name of variables) {
    t.true(name in environment!, name);
    t.regex(name, filter);
  }
  t.notRegex("HOSTNAME", filter);
  t.notRegex("NGINX_VERSION", filter);

  const chosen = Object.fromEntries(variables.map((name) => [name, environment![name]!]));
  const temporary = { API_ADDRESS: "127.0.0.1:8850", TEMP_FOLDER: folder }; // host names resolve only inside Compose
  const file = join(folder, "nginx.conf");
  writeFileSync(file, await fillTemplate({ ...chosen, ...temporary }));
  // nginx opens its standard output, which must be a pipe.
  const check = 'set -o pipefail; nginx -t -c "$1" | cat';
  await t.notThrowsAsync(run("bash", ["-c", check, "check", file]));
});

test("Redis requires its password and keeps an append-only file", async (t) => {
  const { command, environment, healthcheck } = composition.services["redis"]!;
  const data = join(folder, "redis");
  const port = await freePort();
  await run("mkdir", [data]);
  // Compose reads `$$` as `$`.
  const script = command!.at(-1)!.replaceAll("$$", "$").replace("/data", data).trimEnd();
  t.true(script.includes(data));
  const env = { REDISCLI_AUTH: environment!["REDISCLI_AUTH"]! };
  const args = [...command!.slice(1, -1), `${script} --port ${port} --bind 127.0.0.1`];
  const redis = new StartedProcess("redis", command![0]!, args, { env });
  try {
    await redis.whenPrinted(/Ready to accept connections/);
    const [, check] = healthcheck!.test;
    const ask = (password: string) =>
      run("sh", ["-c", check!.replace("redis-cli", `redis-cli -p ${port}`)], {
        env: { PATH: process.env["PATH"]!, REDISCLI_AUTH: password },
      });
    await t.notThrowsAsync(ask(env.REDISCLI_AUTH));
    await t.throwsAsync(ask(""), undefined, "without the password");
    t.true(existsSync(join(data, "appendonlydir")));
    t.false(readFileSync(`/proc/${redis.pid}/cmdline`, "utf8").includes(env.REDISCLI_AUTH));
  } finally {
    await redis.killGroup();
  }
});

test("Prometheus accepts its configuration and scrapes existing services", async (t) => {
  const file = readFileSync(join(deploy, "prometheus.yml"), "utf8");
  const config = parse(file) as {
    rule_files: string[];
    scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
  };
  const { volumes, command } = composition.services["prometheus"]!;
  const mounted = Object.fromEntries(volumes!.map(({ source, target }) => [target, source]));
  t.true(command!.includes("--config.file=/etc/prometheus/prometheus.yml"));
  t.is(mounted["/etc/prometheus/prometheus.yml"], join(deploy, "prometheus.yml"));
  const rules = mounted[config.rule_files[0]!]!;
  const path = join(folder, "prometheus.yml");
  writeFileSync(path, file.replace(config.rule_files[0]!, rules));
  const { stdout } = await run("promtool", ["check", "config", path]);
  t.regex(stdout, /SUCCESS: .* rules found/);
  const asked = config.scrape_configs.flatMap(({ dns_sd_configs }) =>
    dns_sd_configs.flatMap(({ names, port }) => names.map((name) => `${name} ${port}`)),
  );
  t.deepEqual(asked.sort(), ["api 8850", "exporter 8853", "worker 8852", "worker-highmemory 8852"]);
});
