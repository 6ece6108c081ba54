import { randomInt } from "node:crypto";
import test from "ava";
import { type PlantedClks, plantClks, SAFE_THRESHOLD } from "../../src/check/planted-clks.js";
import { until } from "../celery/until.js";
import { FULL_NAME, NAMESPACE, type RenderedChart, render, type Values } from "../chart/rendered-chart.js";
import { type NewProject, ServiceClient } from "../service/client.js";
import { asSet } from "../service/data.js";
import type { End } from "./pod.js";
import { Prometheus, type Target } from "./prometheus.js";
import { Release } from "./release.js";

// The rendered chart, started as real processes: servers, jobs, API, nginx, exporter, workers, Flower; then Prometheus,
// as the operator would configure it. Verifies arguments, variables, Secrets, probes and the shutdown order.

/** Makes many chunks, so that a worker is in the middle of one at any moment. */
const CHUNK_SIZE_AIM = 100_000_000;
const VALUES: Values = {
  workers: { monitor: { enabled: true }, CHUNK_SIZE_AIM },
  prometheus: { serviceMonitor: { enabled: true }, rules: { enabled: true } },
};
/** The processes that the rules count, by part. */
const PROCESSES = ["1 api", "1 exporter", "2 worker"].map((part) => `${part} in ${NAMESPACE}`);
/** The port for clients. */
const SERVICE_PORT = 8851;

let release: Release;
test.before(async (t) => {
  t.timeout(300_000);
  release = new Release(render(VALUES));
  await release.install();
});
test.after.always(() => release?.remove());

function client(): ServiceClient {
  return new ServiceClient(`http://${release.address("api", SERVICE_PORT)}`);
}

test.serial("every part runs as rendered, and all probes succeed", async (t) => {
  for (const part of ["api", "worker", "highmemory-worker", "monitor", "redis", "minio"]) {
    const pod = release.pod(part);
    t.true(pod.isRunning, part);
    for (const { spec } of pod.containers) {
      t.truthy(spec.startupProbe, spec.name);
      t.truthy(spec.livenessProbe, spec.name);
    }
  }
  // Clients reach only what nginx passes on.
  t.is((await client().get("/status")).status, 200);
  t.is((await client().request("GET", "/metrics", {}, true)).status, 404);
});

for (const suite of ["integration", "e2e"]) {
  test.serial(`the pod started by helm test passes: ${suite}`, async (t) => {
    t.timeout(300_000);
    const { code, output } = await release.run(`${suite}-test`, 240_000);
    t.is(code, 0, output);
    t.regex(output, /^\d{2} passed, 0 failed$/m, "nothing left out");
    t.notRegex(output, /[0-9a-f]{48}/);
    t.deepEqual((await client().get("/projects")).json(), []);
  });
}

interface WorkerInFlower {
  readonly active_queues?: readonly { readonly name: string }[];
  readonly active?: readonly { readonly name: string }[];
}

/**
 * The workers in Flower's API, by name.
 *
 * @param worker the worker whose active tasks are included
 */
async function askFlower(worker?: string): Promise<Record<string, WorkerInFlower> | undefined> {
  const query = worker === undefined ? "" : `&workername=${encodeURIComponent(worker)}`;
  const answer = await fetch(`${flowerUrl()}/api/workers?refresh=true${query}`, { headers: flowerHeaders() });
  return answer.ok ? ((await answer.json()) as Record<string, WorkerInFlower>) : undefined;
}

function flowerUrl(): string {
  return `http://${release.address("monitor", 8888)}/monitor`;
}

function flowerHeaders(): Record<string, string> {
  const { MONITOR_USER, MONITOR_PASSWORD } = release.chart.credentials;
  return { authorization: `Basic ${Buffer.from(`${MONITOR_USER}:${MONITOR_PASSWORD}`).toString("base64")}` };
}

test.serial("Flower shows the workers below /monitor and requires its password", async (t) => {
  t.is((await fetch(`${flowerUrl()}/workers`)).status, 401);
  t.is((await fetch(`${flowerUrl()}/workers`, { headers: flowerHeaders() })).status, 200);
  const expected = {
    [`anonlink-wasm@${release.pod("worker").name}`]: ["celery", "compute"],
    [`anonlink-wasm@${release.pod("highmemory-worker").name}`]: ["celery", "compute", "highmemory"],
  };
  const queues = await until("Flower to know the queues of both workers", 120_000, async () => {
    const workers = Object.entries((await askFlower()) ?? {});
    const known = workers.filter(([, { active_queues }]) => active_queues !== undefined);
    if (known.length < 2) return undefined;
    return Object.fromEntries(
      known.map(([name, { active_queues = [] }]) => [name, active_queues.map((queue) => queue.name).sort()]),
    );
  });
  t.deepEqual(queues, expected);
});

test.serial("Prometheus scrapes every target and accepts the rules", async (t) => {
  const prometheus = await Prometheus.start(release);
  t.teardown(() => prometheus.remove());
  const targets = await until("all targets to be scraped", 120_000, async () => {
    const { activeTargets } = await prometheus.ask<{ activeTargets: Target[] }>("targets");
    const areKnown = activeTargets.length > 0 && activeTargets.every(({ health }) => health !== "unknown");
    return areKnown ? activeTargets : undefined;
  });
  for (const { health, lastError, scrapeUrl } of targets) t.is(health, "up", `${scrapeUrl}: ${lastError}`);
  t.deepEqual(targets.map(({ labels }) => `${labels["job"]} ${labels["endpoint"]}`).sort(), [
    `${FULL_NAME}-api-metrics api`,
    `${FULL_NAME}-api-metrics exporter`,
    `${FULL_NAME}-highmemory-worker-metrics health`,
    `${FULL_NAME}-worker-metrics health`,
  ]);

  await until("the rules to find all processes", 120_000, async () => {
    const found = await prometheus.query("count by (part, namespace) (anonlink:process)");
    const parts = found.map(({ metric, value }) => `${value} ${metric["part"]} in ${metric["namespace"]}`);
    return parts.sort().join() === PROCESSES.join() ? true : undefined;
  });
  type Group = {
    readonly rules: { readonly name: string; readonly health: string; readonly state?: string }[];
  };
  const rules = await until("all rules to have been looked at", 120_000, async () => {
    const { groups } = await prometheus.ask<{ groups: Group[] }>("rules");
    const all = groups.flatMap((group) => group.rules);
    return all.every(({ health }) => health !== "unknown") ? all : undefined;
  });
  t.true(rules.length > 20);
  for (const { name, health } of rules) t.is(health, "ok", name);
  const firing = rules.filter(({ state }) => state === "firing").map(({ name }) => name);
  t.deepEqual(firing, []);
  const up = await prometheus.query("anonlink_service_up");
  t.deepEqual(
    up.map(({ value }) => value),
    [1],
  );
});

/** Uploads two parties and starts a run; resolves in the middle of its dozens of chunks. */
async function startLinkage(
  rowCount = 60_000,
): Promise<{ project: NewProject; runId: string; planted: PlantedClks }> {
  const planted = plantClks({ rowCounts: [rowCount, rowCount], sharedBy: { 2: 5000 + randomInt(100) } });
  const project = await client().createProject();
  for (const [party, { bytes, byteLength }] of planted.parties.entries()) {
    await client().binaryUpload(project, party, bytes, byteLength);
  }
  const { run_id } = await client().run(project, SAFE_THRESHOLD);
  await until("the run to be in the middle", 120_000, async () => {
    const { current_stage } = await client().runStatus(project, run_id);
    return current_stage.number === 2 && (current_stage.progress?.absolute ?? 0) > 0 ? true : undefined;
  });
  return { project, runId: run_id, planted };
}

type Linkage = Awaited<ReturnType<typeof startLinkage>>;

async function isComplete({ project, runId, planted }: Linkage): Promise<boolean> {
  await client().waitUntilComplete(project, runId, 600_000);
  const { groups } = await client().result<{ groups: [number, number][][] }>(project, runId);
  await client().delete(`/projects/${project.project_id}`, project.result_token);
  const [found, expected] = [asSet(groups), asSet(planted.groups as [number, number][][])];
  return found.size === expected.size && [...expected].every((group) => found.has(group));
}

/** Whether a worker that was asked to stop has finished its tasks and ended by itself. */
function hasDrained({ code, wasKilled, output }: End): boolean {
  return code === 0 && !wasKilled && /worker ended/.test(output) && !/worker ends at once/.test(output);
}

test.serial(
  "a terminated worker finishes its chunk within the grace period, and the run completes",
  async (t) => {
    t.timeout(300_000);
    const linkage = await startLinkage(120_000); // Flower takes a second to answer
    const pod = release.pod("worker");
    await until("the worker to be in a chunk", 120_000, async () => {
      const name = `anonlink-wasm@${pod.name}`;
      const { active = [] } = (await askFlower(name))?.[name] ?? {};
      return active.some((task) => task.name.endsWith(".compute_filter_similarity")) ? true : undefined;
    });
    t.is((await client().runStatus(linkage.project, linkage.runId)).state, "running");
    const { worker } = await release.end(pod);
    t.true(hasDrained(worker!), worker!.output.slice(-3000));
    t.regex(worker!.output, /worker ends when its tasks are done/);
    t.true(await isComplete(linkage));
    await release.start("worker");
  },
);

test.serial("during a rolling upgrade, runs complete and no request fails", async (t) => {
  t.timeout(300_000);
  const linkage = await startLinkage();
  const old = release.chart;
  release.chart = render(upgraded(old), { args: ["--is-upgrade"] });
  t.is((await release.run("migrate")).code, 0);

  const problems: string[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const answer = await client()
        .get(`/projects/${linkage.project.project_id}`, linkage.project.result_token)
        .catch((error: unknown) => String(error));
      if (typeof answer === "string" || answer.status !== 200) {
        problems.push(typeof answer === "string" ? answer : `${answer.status}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const parts = ["api", "worker", "highmemory-worker"];
  const before = parts.map((part) => release.pod(part));
  for (const part of parts) await release.start(part);
  // Old and new workers share the chunks of this run, whether or not the first run has finished by now.
  const shared = await startLinkage();
  t.is((await client().runStatus(shared.project, shared.runId)).state, "running");
  const [api, worker, highmemory] = await Promise.all(before.map((pod) => release.end(pod)));
  isOver = true;
  await asking;
  t.deepEqual(problems, []);
  for (const [name, { code, wasKilled, output }] of Object.entries(api!)) {
    t.deepEqual({ name, code, wasKilled }, { name, code: 0, wasKilled: false }, output.slice(-2000));
  }
  t.true(hasDrained(worker!["worker"]!), worker!["worker"]!.output.slice(-3000));
  t.true(hasDrained(highmemory!["worker"]!), highmemory!["worker"]!.output.slice(-3000));
  t.true(await isComplete(linkage));
  t.true(await isComplete(shared));
});

/** The values of an upgrade, with the passwords that a cluster would have kept. */
function upgraded({ credentials: kept }: RenderedChart): Values {
  const keys = (prefix: string) => ({
    accessKey: kept[`${prefix}_ACCESS_KEY`],
    secretKey: kept[`${prefix}_SECRET_KEY`],
  });
  const workers = VALUES["workers"] as Values;
  const monitor = { enabled: true, password: kept["MONITOR_PASSWORD"] };
  return {
    ...VALUES,
    image: { tag: "next" },
    workers: { ...workers, monitor, ENCODING_CACHE_BYTES: "100_000_000" },
    postgresql: { password: kept["DATABASE_PASSWORD"] },
    redis: { password: kept["REDIS_PASSWORD"] },
    minio: keys("MINIO"),
    uploadObjectStore: keys("UPLOAD_OBJECT_STORE"),
    downloadObjectStore: keys("DOWNLOAD_OBJECT_STORE"),
  };
}
