// `npm run bench:service`: measures the service in one process (`anonlink-wasm serve`), over HTTP, as its users see it.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { StartedProcess } from "../test/started-process.js";
import { benchDataset } from "./datasets.js";
import { type Cell, median, report } from "./measure.js";
import { publishProgram } from "./program-report.js";

const THRESHOLD = 0.85;
const BYTE_LENGTH = 128;
/** Time between two polls of a run by one client; many clients together poll about as often. */
const POLL_MS = 20;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "5" }, quick: { type: "boolean", default: false } },
});
const runs = values.quick ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new RangeError("--runs must be a whole number of 1 or more.");
const size = values.quick
  ? { projects: 10, rows: 1000, uploadRows: 20_000, bothRows: 5000 }
  : { projects: 200, rows: 1000, uploadRows: 1_000_000, bothRows: 100_000 };

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "bench-service-"));
const cells: Cell[] = [];
try {
  await withService(manyProjects);
  for (const form of ["binary", "JSON"] as const) await withService((service) => oneUpload(service, form));
  await withService(largeRun);
  if (values.quick) console.error("quick sizes: the numbers say nothing, and are not stored");
  else {
    const about =
      "`anonlink-wasm serve` in a process of its own with an empty data folder, and clients in another one, over HTTP. " +
      "Encodings of 1,024 bits.";
    const command = ["npm run bench:service", ...(runs === 5 ? [] : [`-- --runs ${runs}`])].join(" ");
    publishProgram("service", { title: "Service", about, cells }, { command, runs });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Service {
  readonly url: string;
  readonly process: StartedProcess;
}

interface Project {
  readonly project_id: string;
  readonly update_tokens: readonly [string, string];
  readonly result_token: string;
}

/** Makes a measurement on a new, empty service. */
async function withService(measure: (service: Service) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(folder, "data-"));
  const args = [cli, "serve", "--port", "0", "--data", data, "--log-level", "error"];
  const process_ = new StartedProcess("serve", process.execPath, args);
  try {
    const [, url] = await process_.whenPrinted(/ready at (http:\S+)/);
    await measure({ url: `${url}/api/v1`, process: process_ });
  } finally {
    await process_.killGroup();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Many small projects at once: from the first request to the last result. */
async function manyProjects(service: Service): Promise<void> {
  const { left, right } = benchDataset({ rows: size.rows, onesShare: 50 });
  const times: number[] = [];
  for (let n = 0; n < runs; n++) {
    const start = performance.now();
    await Promise.all(
      Array.from({ length: size.projects }, async () => {
        const project = await createProject(service);
        await upload(service, project, 0, binaryBody(left.bytes));
        await upload(service, project, 1, binaryBody(right.bytes));
        await groups(service, project, await startRun(service, project), POLL_MS * size.projects);
      }),
    );
    times.push((performance.now() - start) / 1000);
  }
  const ours = median(times);
  add(
    `${size.projects} projects of two parties with ${size.rows} rows each, at once`,
    ours,
    `${(size.projects / ours).toFixed(1)} projects a second`,
  );
}

/** One party's upload, in one request. */
async function oneUpload(service: Service, form: "binary" | "JSON"): Promise<void> {
  const file = join(folder, `upload.${form}`);
  writeUpload(file, form);
  for (const pid of pidsOf(service)) writeFileSync(`/proc/${pid}/clear_refs`, "5"); // reset the peak after the start
  const idle = residentMiB(service, "VmRSS");
  const times: number[] = [];
  for (let n = 0; n < runs; n++) {
    const project = await createProject(service);
    const start = performance.now();
    const rows = size.uploadRows;
    await upload(service, project, 0, form === "JSON" ? jsonFile(file) : binaryFile(file, rows));
    times.push((performance.now() - start) / 1000);
  }
  const ours = median(times);
  const added = residentMiB(service, "VmHWM") - idle;
  const megabytes = Math.round(statSync(file).size / 1e6);
  const rate = Math.round(size.uploadRows / ours).toLocaleString("en-US");
  add(
    `upload of ${size.uploadRows.toLocaleString("en-US")} rows as ${form}, ${megabytes} MB`,
    ours,
    `${rate} rows a second, at most ${Math.round(added)} MiB more memory than idle`,
  );
  rmSync(file);
}

/** Two large parties, from the first byte to the result. */
async function largeRun(service: Service): Promise<void> {
  const { left, right } = benchDataset({ rows: size.bothRows, onesShare: 50 });
  const stages = {
    uploads: [] as number[],
    comparing: [] as number[],
    output: [] as number[],
    all: [] as number[],
  };
  for (let n = 0; n < runs; n++) {
    const project = await createProject(service);
    const run = await startRun(service, project);
    const start = performance.now();
    await Promise.all([
      upload(service, project, 0, binaryBody(left.bytes)),
      upload(service, project, 1, binaryBody(right.bytes)),
    ]);
    const uploaded = performance.now();
    const compared = await whenStage(service, project, run, 3);
    await groups(service, project, run);
    const end = performance.now();
    stages.uploads.push((uploaded - start) / 1000);
    stages.comparing.push((compared - uploaded) / 1000);
    stages.output.push((end - compared) / 1000);
    stages.all.push((end - start) / 1000);
  }
  const rows = size.bothRows.toLocaleString("en-US");
  const rate = (size.bothRows ** 2 / median(stages.comparing) / 1e6).toFixed(0);
  add(
    `${rows} × ${rows} rows, from the first byte to the groups`,
    median(stages.all),
    `threshold ${THRESHOLD}`,
  );
  add("… both uploads", median(stages.uploads), "binary, at the same time");
  add("… waiting and comparing", median(stages.comparing), `${rate} million comparisons a second`);
  add("… solving, storing and fetching the groups", median(stages.output), "");
}

function add(what: string, ours: number, note: string): void {
  cells.push(report({ what, ours, note }));
}

interface Body {
  readonly path: "binaryclks" | "clks";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodyInit;
}

function binaryBody(bytes: Uint8Array): Body {
  const count = bytes.length / BYTE_LENGTH;
  return { path: "binaryclks", headers: binaryHeaders(count), body: new Uint8Array(bytes) };
}

function binaryFile(file: string, count: number): Body {
  return { path: "binaryclks", headers: binaryHeaders(count), body: streamOf(file) };
}

function binaryHeaders(count: number): Record<string, string> {
  const type = { "Content-Type": "application/octet-stream" };
  return { ...type, "Hash-Count": String(count), "Hash-Size": String(BYTE_LENGTH) };
}

function jsonFile(file: string): Body {
  return { path: "clks", headers: { "Content-Type": "application/json" }, body: streamOf(file) };
}

function streamOf(file: string): BodyInit {
  return Readable.toWeb(createReadStream(file, { highWaterMark: 2 ** 18 })) as unknown as BodyInit;
}

/** Writes the records of the benchmark's people, repeated. */
function writeUpload(file: string, form: "binary" | "JSON"): void {
  const { left } = benchDataset({ rows: Math.min(size.uploadRows, 20_000), onesShare: 50 });
  const times = size.uploadRows / left.recordCount;
  const bytes = Buffer.from(left.bytes.slice());
  writeFileSync(file, form === "JSON" ? '{"clks":[' : "");
  for (let n = 0; n < times; n++) {
    if (form === "binary") writeFileSync(file, bytes, { flag: "a" });
    else {
      const rows = Array.from({ length: left.recordCount }, (_, row) =>
        JSON.stringify(bytes.toString("base64", row * BYTE_LENGTH, (row + 1) * BYTE_LENGTH)),
      );
      writeFileSync(file, (n === 0 ? "" : ",") + rows.join(), { flag: "a" });
    }
  }
  if (form === "JSON") writeFileSync(file, "]}", { flag: "a" });
}

async function createProject(service: Service): Promise<Project> {
  const body = JSON.stringify({ schema: {}, result_type: "groups" });
  return call(service, "POST", "/projects", { headers: { "Content-Type": "application/json" }, body });
}

async function upload(
  service: Service,
  project: Project,
  party: 0 | 1,
  { path, headers, body }: Body,
): Promise<void> {
  await call(service, "POST", `/projects/${project.project_id}/${path}`, {
    headers: { ...headers, Authorization: project.update_tokens[party] },
    body,
    duplex: "half",
  } as RequestInit);
}

async function startRun(service: Service, project: Project): Promise<string> {
  const answer = await call<{ run_id: string }>(service, "POST", `/projects/${project.project_id}/runs`, {
    headers: { "Content-Type": "application/json", Authorization: project.result_token },
    body: JSON.stringify({ threshold: THRESHOLD }),
  });
  return answer.run_id;
}

/** Waits for the run to end, and fetches its groups. */
async function groups(service: Service, project: Project, run: string, pollMs = POLL_MS): Promise<void> {
  await whenStage(service, project, run, Number.POSITIVE_INFINITY, pollMs);
  const path = `/projects/${project.project_id}/runs/${run}/result`;
  await call(service, "GET", path, { headers: { Authorization: project.result_token } });
}

/** Resolves to the time at which the run was seen in that stage or a later one, or completed. */
async function whenStage(
  service: Service,
  project: Project,
  run: string,
  stage: number,
  pollMs = POLL_MS,
): Promise<number> {
  const path = `/projects/${project.project_id}/runs/${run}/status`;
  for (;;) {
    const status = await call<{ state: string; message?: string; current_stage: { number: number } }>(
      service,
      "GET",
      path,
      { headers: { Authorization: project.result_token } },
    );
    if (status.state === "error") throw new Error(`The run failed: ${status.message}`);
    if (status.state === "completed" || status.current_stage.number >= stage) return performance.now();
    await pause(pollMs);
  }
}

async function call<T>({ url }: Service, method: string, path: string, init: RequestInit): Promise<T> {
  const response = await fetch(url + path, { ...init, method });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** The service's memory, as reported by the kernel: now (VmRSS) or at its peak (VmHWM). */
function residentMiB(service: Service, field: "VmRSS" | "VmHWM"): number {
  const sizes = pidsOf(service).map(
    (pid) => readFileSync(`/proc/${pid}/status`, "utf8").match(`${field}:\\s+(\\d+)`)?.[1],
  );
  return sizes.reduce((sum, size) => sum + Number(size ?? 0) / 1024, 0);
}

/** The service and its children. */
function pidsOf({ process: { pid } }: Service): number[] {
  try {
    const children = execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" });
    return [pid, ...children.trim().split("\n").map(Number)];
  } catch {
    return [pid]; // it has none
  }
}
