import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../random-clks.js";
import type { NewProject } from "../service/client.js";
import { ServeProcess } from "../service/serve-process.js";
import { someCase } from "./cases.js";
import { countPhases, PatientClient, type Phase } from "./patient-client.js";

const KILLS = { least: 3, more: 4 };
/** The maximum time between a start and the next kill. */
const PAUSE_MS = 1500;
/** Upper limits: projects start within `startMs`; uploads take `uploadMs` and have `recordCount` records at most. */
const MAX = { startMs: 8000, uploadMs: 2500, recordCount: 5100 };
const ROUND_MS = 600_000;
const REMOVAL_MS = 120_000;
/** Small, so that a run has many chunks and kills occur between them. */
const CHUNK_SIZE_AIM = 50_000;

/** What was done in a round, and whether it passed. */
export interface ServiceRound {
  readonly seed: number;
  readonly projects: number;
  /** For each kill, the milliseconds since the service's start, and the number of projects in each phase. */
  readonly kills: readonly (Readonly<Record<Phase, number>> & { readonly ms: number })[];
  /** Uploads that were interrupted or whose answers were lost, and that were retried. */
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
}

/**
 * A service in one process is killed at random moments while clients upload and runs are in progress, and restarted
 * each time. Clients retry requests that got no answer. In the end, every accepted upload is stored, every run has
 * completed without intervention, and every result equals the library's. After the projects are deleted, no file is
 * left.
 */
export async function runServiceRound(seed: number): Promise<ServiceRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-faults-"));
  const begin = Date.now();
  const cases = Array.from({ length: 3 + below(4) }, () => someCase(below, MAX));
  const kills: ServiceRound["kills"][number][] = [];
  const tally = { retries: 0 };
  const about = () => ({ seed, projects: cases.length, kills, ...tally, ms: Date.now() - begin });
  const serve = await ServeProcess.start(dataFolder, { CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM) });
  const deadline = begin + ROUND_MS;
  try {
    const clients = cases.map(() => new PatientClient(serve.client, deadline, tally));
    const all = Promise.all(cases.map((one, n) => clients[n]!.check(one)));
    all.catch(() => {}); // awaited below
    for (let n = KILLS.least + below(KILLS.more); n > 0; n--) {
      const ms = below(PAUSE_MS);
      await pause(ms);
      kills.push({ ms, ...countPhases(clients) });
      await serve.kill();
      await serve.start();
    }
    const projects = await all;
    await leavesNothing(serve, projects);
    return about();
  } catch (error) {
    const { message } = error as Error;
    return { ...about(), error: `${message}; the service has printed: ${serve.output.slice(-2000)}` };
  } finally {
    await serve.kill();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/** Deletes all projects, and checks that no files are left, neither of the projects nor of interrupted uploads. */
async function leavesNothing(serve: ServeProcess, projects: readonly NewProject[]): Promise<void> {
  for (const { project_id, result_token } of projects) {
    const { status } = await serve.client.delete(`/projects/${project_id}`, result_token);
    if (status !== 204) throw new Error(`deleting a project got ${status}`);
  }
  const files = () => ["objects", "sorting"].flatMap((name) => readdirSync(join(serve.dataFolder, name)));
  const end = Date.now() + REMOVAL_MS;
  while (files().length > 0) {
    if (Date.now() > end) throw new Error(`files are left: ${files()}`);
    await pause(50);
  }
}
