import { tmpdir } from "node:os";
import { MemoryRunCache } from "../../../src/adapters/embedded/memory-run-cache.js";
import type { WritableEncodingStore } from "../../../src/linkage/encoding-store.js";
import type { Project } from "../../../src/linkage/project.js";
import { MemoryBudget } from "../../../src/linkage/uploads/memory-budget.js";
import type { UploadOptions } from "../../../src/linkage/uploads/upload-stores.js";
import { MemoryEncodings, MemoryParties, MemoryTasks, PROJECT_ID } from "./memory-parties.js";

export const BUCKET = "anonlink-uploads";

/** A project whose parties upload, and the stores for it. */
export function setUp(project: Partial<Project> = {}, limits: Partial<UploadOptions["limits"]> = {}) {
  const database = new MemoryParties(project);
  const encodings = new MemoryEncodings();
  const tasks = new MemoryTasks();
  const unsent: unknown[] = [];
  let now = Date.now();
  const cache = new MemoryRunCache({ now: () => now });
  const options: UploadOptions = {
    limits: {
      maxRecords: 1000,
      maxBlocksPerRow: 10,
      maxBlockNameLength: 100,
      minEncodingSize: 1,
      maxEncodingSize: 1024,
      ...limits,
    },
    sorting: { folder: tmpdir(), memory: new MemoryBudget(2 ** 23) },
    onUnsent: (error) => unsent.push(error),
  };
  const stores = {
    database,
    encodings: encodings as unknown as WritableEncodingStore,
    cache,
    tasks,
    externalBucket: BUCKET as string | undefined,
  };
  return {
    database,
    encodings,
    tasks,
    unsent,
    cache,
    options,
    stores,
    /** Advances the clock, so that leases expire. */
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    request: (party: number) => ({ projectId: PROJECT_ID, updateToken: database.party(party).updateToken }),
  };
}

export async function* bodyOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

/** A body that must not be read. */
export async function* untouchable(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error("the body was read"));
}

/** Base64 of `byteLength` bytes of the given value. */
export function clk(value: number, byteLength = 8): string {
  return Buffer.alloc(byteLength, value).toString("base64");
}

export function hex(value: number, byteLength = 8): string {
  return Buffer.alloc(byteLength, value).toString("hex");
}
