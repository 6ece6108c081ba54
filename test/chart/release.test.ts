// Helm over the life of a release: the order of its changes, and what happens to passwords.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { helmProgram } from "../servers/helm-program.js";
import { KubernetesApi } from "./kubernetes-api.js";
import {
  CHART,
  FULL_NAME,
  type HelmOutput,
  NAMESPACE,
  RELEASE,
  render,
  type Values,
} from "./rendered-chart.js";

/** A test's own cluster, and Helm for it. */
class Cluster {
  readonly api = new KubernetesApi();
  readonly #folder = mkdtempSync(join(tmpdir(), "helm-"));

  static async start(t: ExecutionContext): Promise<Cluster> {
    const cluster = new Cluster();
    await cluster.api.start();
    writeFileSync(cluster.#kubeconfig, cluster.api.kubeconfig);
    t.teardown(async () => {
      await cluster.api.stop();
      rmSync(cluster.#folder, { recursive: true, force: true });
    });
    return cluster;
  }

  get #kubeconfig(): string {
    return join(this.#folder, "kubeconfig");
  }

  tryTo(command: string, args: readonly string[] = [], values: Values = {}): Promise<HelmOutput> {
    const env = { PATH: process.env["PATH"], HOME: this.#folder, KUBECONFIG: this.#kubeconfig };
    const all = [command, RELEASE, "--namespace", NAMESPACE, ...args];
    return new Promise((resolve) => {
      const child = execFile(helmProgram(), all, { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
      child.stdin?.end(JSON.stringify(values));
    });
  }

  async helm(command: string, args: readonly string[] = []): Promise<string> {
    const { code, stdout, stderr } = await this.tryTo(command, args);
    if (code !== 0) throw new Error(`helm ${command}: ${stderr}`);
    return stdout;
  }

  /** Installs or upgrades with these values, and returns the notes. */
  async apply(command: "install" | "upgrade", values: Values = {}): Promise<string> {
    const { code, stdout, stderr } = await this.tryToApply(command, values);
    if (code !== 0) throw new Error(`helm ${command}: ${stderr}`);
    return stdout;
  }

  tryToApply(command: "install" | "upgrade", values: Values = {}): Promise<HelmOutput> {
    return this.tryTo(command, [CHART, "--values", "-"], values);
  }

  get credentials(): Record<string, string> {
    return { ...this.api.find("Secret", FULL_NAME)?.data };
  }

  /** The changes since the last call, such as `create Job migrate`. */
  takeChanges(): string[] {
    const changes = this.api.changes.splice(0);
    return changes.map(({ verb, kind, name }) => `${verb} ${kind} ${name.replace(`${FULL_NAME}-`, "")}`);
  }
}

const isJob = (change: string) => / Job /.test(change);
const toPods = (change: string) => /^(create|change) (Deployment|StatefulSet) /.test(change);

test("an install creates everything rendered, then buckets and users, and prints the notes", async (t) => {
  const cluster = await Cluster.start(t);
  const output = await cluster.apply("install");
  t.regex(output, /NOTES:\n.*is installed as release linkage in namespace records/);
  const changes = cluster.takeChanges();
  t.deepEqual(changes.filter(isJob), ["create Job provision", "delete Job provision"]);
  t.true(changes.findLastIndex(toPods) < changes.indexOf("create Job provision"));
  const hooks = /^(test|pre-upgrade)/;
  const expected = render()
    .manifests.filter(({ metadata }) => !hooks.test(metadata.annotations?.["helm.sh/hook"] ?? ""))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    .filter((name) => name !== `Job ${FULL_NAME}-provision`);
  t.deepEqual(
    cluster.api.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
    expected.sort(),
  );
});

test("with an external database, an install migrates it before creating anything else", async (t) => {
  const cluster = await Cluster.start(t);
  const existingSecret = "theirs";
  await cluster.apply("install", {
    postgresql: { enabled: false, external: { host: "db.example.org", existingSecret } },
  });
  const changes = cluster.takeChanges();
  const migrated = changes.indexOf("create Job migrate");
  t.true(migrated >= 0);
  t.true(migrated < changes.findIndex(toPods));
  t.deepEqual(
    changes.slice(0, migrated).filter((change) => !change.startsWith("delete")),
    ["create ServiceAccount migrate"],
  );
});

test("an upgrade migrates first, provisions last, and keeps the passwords", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  const before = cluster.credentials;
  t.is(Object.keys(before).length, 8);
  cluster.takeChanges();

  t.regex(await cluster.apply("upgrade", { workers: { replicas: 5 } }), /is upgraded as release linkage/);
  t.deepEqual(cluster.credentials, before);
  const changes = cluster.takeChanges();
  t.deepEqual(
    changes.filter((change) => /^create Job|(change|create) (Deployment|StatefulSet|Secret)/.test(change)),
    [
      "create Job migrate",
      "change Deployment worker", // nothing else is restarted
      "create Job provision",
    ],
  );
  t.is(cluster.api.find("Deployment", `${FULL_NAME}-worker`)?.spec.replicas, 5);

  await cluster.apply("upgrade", { workers: { monitor: { enabled: true } } });
  const { MONITOR_USER, MONITOR_PASSWORD, ...others } = cluster.credentials;
  t.deepEqual(others, before);
  t.truthy(MONITOR_USER && MONITOR_PASSWORD);

  await cluster.apply("upgrade", { redis: { password: "a-new-password" } });
  const { REDIS_PASSWORD, ...rest } = cluster.credentials;
  t.is(Buffer.from(REDIS_PASSWORD ?? "", "base64").toString(), "a-new-password");
  t.like(rest, { ...others, REDIS_PASSWORD: undefined });
  await cluster.apply("upgrade");
  t.is(cluster.credentials["REDIS_PASSWORD"], REDIS_PASSWORD, "also when it is given no more");
});

test("an upgrade cannot change a volume's size, but may write it in another unit", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  const { code, stderr } = await cluster.tryToApply("upgrade", { postgresql: { storage: { size: "30Gi" } } });
  t.not(code, 0);
  t.regex(stderr, /Set postgresql\.storage\.size back to 20Gi, or, to grow the volume to 30Gi/);
  await cluster.apply("upgrade", { postgresql: { storage: { size: "20480Mi" } } });
});

test("a failed migration leaves the release unchanged", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  cluster.takeChanges();
  cluster.api.failing.add(`${FULL_NAME}-migrate`);
  const { code, stderr } = await cluster.tryToApply("upgrade", { workers: { replicas: 5 } });
  t.not(code, 0);
  t.regex(stderr, /pre-upgrade hooks failed/);
  const changes = cluster.takeChanges();
  t.deepEqual(changes.filter(toPods), []);
  t.true(changes.includes("create Job migrate"));
  t.truthy(cluster.api.find("Job", `${FULL_NAME}-migrate`), "its log tells why");
  cluster.api.failing.clear();
  await cluster.apply("upgrade", { workers: { replicas: 5 } });
  t.is(cluster.api.find("Deployment", `${FULL_NAME}-worker`)?.spec.replicas, 5);
});

test("a rollback restores the old pods and keeps the passwords", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  const before = cluster.credentials;
  await cluster.apply("upgrade", { workers: { replicas: 5 }, image: { tag: "9.9.9" } });
  t.regex(JSON.stringify(cluster.api.find("Deployment", `${FULL_NAME}-api`)), /anonlink-wasm:9\.9\.9/);
  await cluster.helm("rollback", ["1"]);
  t.is(cluster.api.find("Deployment", `${FULL_NAME}-worker`)?.spec.replicas, 2);
  t.notRegex(JSON.stringify(cluster.api.find("Deployment", `${FULL_NAME}-api`)), /anonlink-wasm:9\.9\.9/);
  t.deepEqual(cluster.credentials, before);
});

test("an uninstall keeps the passwords, and the next install reuses them", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  const before = cluster.credentials;
  await cluster.helm("uninstall");
  t.deepEqual(
    cluster.api.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    [`Secret ${FULL_NAME}`],
  );
  await cluster.apply("install");
  t.deepEqual(cluster.credentials, before);
});

test("`helm test` runs the suites in sequence and fails if one fails", async (t) => {
  const cluster = await Cluster.start(t);
  await cluster.apply("install");
  cluster.takeChanges();
  t.regex(await cluster.helm("test"), /Phase: +Succeeded/);
  t.deepEqual(cluster.takeChanges(), ["create Pod integration-test", "create Pod e2e-test"]);
  cluster.api.failing.add(`${FULL_NAME}-e2e-test`);
  t.not((await cluster.tryTo("test")).code, 0);
});
