// A worker's stores in memory, for tests of tasks: as the ports specify, with switches that simulate failures.
import { allocateBytes, type ClkDataset, createClkDataset } from "../../src/core/clk-dataset.js";
import type { RunDatabase } from "../../src/linkage/database.js";
import type {
  BlockRows,
  EncodingStore,
  StoredBlocks,
  StoredEncodings,
} from "../../src/linkage/encoding-store.js";
import { ServiceError } from "../../src/linkage/errors.js";
import type { ObjectStore } from "../../src/linkage/object-store.js";
import type { RunState } from "../../src/linkage/run.js";
import type { RunCache, TaskProgress } from "../../src/linkage/run-cache.js";

/** A party's encodings, and the records of each of its blocks, ascending. */
export interface MemoryParty {
  readonly dataset: ClkDataset;
  readonly blocks: ReadonlyMap<number, readonly number[]>;
}

export class MemoryEncodingStore implements EncodingStore {
  /** All queries, in order. */
  readonly queries: string[] = [];
  /** Awaited before each answer. */
  beforeAnswer: (signal?: AbortSignal) => Promise<void> = async () => {};
  readonly #parties: ReadonlyMap<number, MemoryParty>;

  constructor(parties: ReadonlyMap<number, MemoryParty>) {
    this.#parties = parties;
  }

  async readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings> {
    this.queries.push(`${rows.dataproviderId}/${rows.blockId} ${rows.from}–${rows.to}`);
    await this.beforeAnswer(signal);
    const { dataset, blocks } = this.#party(rows.dataproviderId, byteLength);
    const members = (blocks.get(rows.blockId) ?? []).slice(rows.from, rows.to);
    if (members.length === 0) throw missing(rows.blockId);
    return pick(dataset, members);
  }

  async readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks> {
    this.queries.push(`${dataproviderId}: ${blockIds.length} blocks`);
    await this.beforeAnswer(signal);
    const { dataset, blocks } = this.#party(dataproviderId, byteLength);
    const lists = blockIds.map((blockId) => {
      const members = blocks.get(blockId) ?? [];
      if (members.length === 0) throw missing(blockId);
      return members;
    });
    const entities = [...new Set(lists.flat())].sort((a, b) => a - b);
    const recordOf = new Map(entities.map((entity, record) => [entity, record]));
    const starts = [0];
    for (const members of lists) starts.push(starts.at(-1)! + members.length);
    return {
      ...pick(dataset, entities),
      starts: Uint32Array.from(starts),
      records: Uint32Array.from(lists.flat(), (entity) => recordOf.get(entity)!),
    };
  }

  #party(dataproviderId: number, byteLength: number): MemoryParty {
    const party = this.#parties.get(dataproviderId)!;
    if (party.dataset.byteLength === byteLength) return party;
    throw new ServiceError("invalid-encodings", `An encoding does not have ${byteLength} bytes.`);
  }
}

function pick({ bytes, byteLength }: ClkDataset, rows: readonly number[]): StoredEncodings {
  const picked = allocateBytes(rows.length * byteLength);
  rows.forEach((row, n) => {
    picked.set(bytes.subarray(row * byteLength, (row + 1) * byteLength), n * byteLength);
  });
  return { dataset: createClkDataset(picked, byteLength), entityIds: Uint32Array.from(rows) };
}

function missing(blockId: number): ServiceError {
  return new ServiceError("missing-encodings", `Block ${blockId} has no rows.`);
}

export class MemoryRunCache implements Pick<RunCache, "isActive" | "countProgress"> {
  isRunActive = true;
  comparisons = 0;
  candidates = 0;
  readonly #counted = new Set<string>();

  async isActive(): Promise<boolean> {
    return this.isRunActive;
  }

  async countProgress(_runId: string, taskId: string, progress: TaskProgress): Promise<number | undefined> {
    if (!this.isRunActive) return undefined;
    if (!this.#counted.has(taskId)) {
      this.#counted.add(taskId);
      this.comparisons += progress.comparisons;
      this.candidates += progress.candidates;
    }
    return this.candidates;
  }
}

export class MemoryRunDatabase implements Pick<RunDatabase, "runState" | "failRun"> {
  state: RunState | undefined = "running";
  message: string | undefined;

  async runState(): Promise<RunState | undefined> {
    return this.state;
  }

  async failRun(_runId: string, message: string): Promise<boolean> {
    if (this.state === undefined || this.state === "completed" || this.state === "error") return false;
    this.state = "error";
    this.message = message;
    return true;
  }
}

export class MemoryObjectStore implements Pick<ObjectStore, "put" | "byteLengthOf" | "remove"> {
  readonly files = new Map<string, Uint8Array>();
  /** The number of files stored, including replacements. */
  putCount = 0;
  /** The number of upcoming files to refuse. */
  failures = 0;
  /** Called when a file is stored. */
  afterPut: () => void = () => {};

  async put(name: string, content: () => AsyncIterable<Uint8Array>, byteLength: number): Promise<void> {
    if (this.failures-- > 0) throw new Error("the object store is full");
    this.putCount++;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content()) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (bytes.length !== byteLength) throw new Error(`${bytes.length} bytes instead of ${byteLength}`);
    this.files.set(name, bytes);
    this.afterPut();
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.files.delete(name);
  }

  async byteLengthOf(name: string): Promise<number | undefined> {
    return this.files.get(name)?.length;
  }
}
