import type { BlockMembers } from "../encoding-store.js";
import { HASH_WORDS, MembershipArena } from "./membership-arena.js";
import { type BlockPiece, type MembershipRun, RunReader, RunWriter } from "./membership-runs.js";
import type { MemoryBudget } from "./memory-budget.js";
import { mergeRuns } from "./merge-runs.js";
import { SpillFile } from "./spill-file.js";

/** The folder and memory for sorting the blocks of uploads. */
export interface BlockSorting {
  /** A folder for temporary files, which disappear even if the process is killed; it must exist. */
  readonly folder: string;
  /** Shared by all uploads of the process. */
  readonly memory: MemoryBudget;
}

/** Maximum number of records in a piece of a block. */
export const PIECE_ROWS = 1 << 18;

/** Bytes of memory that a sorter takes if available. */
const WANTED_BYTES = 8 * 2 ** 20;
/** Maximum number of {@link MembershipRun}s merged at once; each needs a buffer. */
const MAX_MERGED_RUNS = 64;
const MAX_READ = 1 << 16;
const MIN_READ = 1 << 12;

/**
 * Sorts memberships of records in blocks by block, in a fixed amount of memory. What does not fit goes to a temporary
 * file as sorted {@link MembershipRun}s, which are merged at the end. Takes no memory before the first membership.
 */
export class BlockSorter {
  private arena: MembershipArena | undefined;
  private share = 0;
  private file: SpillFile | undefined;
  private runs: MembershipRun[] = [];

  /** @param slack maximum number of memberships added between two calls of {@link makeRoom} */
  constructor(
    private readonly sorting: BlockSorting,
    private readonly slack: number,
  ) {}

  /**
   * Adds a record to some blocks. All blocks of a record must be passed in one call.
   *
   * @param hashes of the blocks' names, {@link HASH_WORDS} words each; duplicates count once
   */
  add(row: number, hashes: Uint32Array, blockCount: number): void {
    if (blockCount === 0) return;
    this.arena ??= this.takeArena();
    for (let block = 0; block < blockCount; block++) this.arena.add(hashes, block * HASH_WORDS, row);
  }

  /** Must be awaited after at most {@link slack} memberships. */
  async makeRoom(): Promise<void> {
    const { arena, slack } = this;
    if (arena === undefined) return;
    const rows = arena.membershipCapacity - arena.membershipCount;
    const blocks = arena.blockCapacity - arena.blockCount;
    if (Math.min(rows, blocks) < slack) await this.spill(arena);
  }

  /** All blocks in ascending order of their names' hashes. May be called once. */
  async *blocks(): AsyncGenerator<BlockMembers, void, undefined> {
    const { arena } = this;
    if (arena === undefined) return;
    if (this.file === undefined) {
      for (const { hash, rows } of arena.sortedBlocks()) {
        for (let from = 0; from < rows.length; from += PIECE_ROWS) {
          yield { name: nameOf(hash), recordCount: rows.length, rows: rows.slice(from, from + PIECE_ROWS) };
        }
      }
      return;
    }
    await this.spill(arena);
    this.arena = undefined; // its memory is now used by the buffers of the merge
    while (this.runs.length > MAX_MERGED_RUNS) {
      const merged = this.runs.slice(0, MAX_MERGED_RUNS);
      const writer = new RunWriter(this.file);
      for await (const piece of this.merge(this.file, merged)) await writer.add(piece);
      this.runs = [...this.runs.slice(MAX_MERGED_RUNS), await writer.end()];
    }
    for await (const { hash, rows, recordCount } of this.merge(this.file, this.runs)) {
      yield { name: nameOf(hash), recordCount, rows };
    }
  }

  /** Releases the memory and the temporary file. */
  async close(): Promise<void> {
    const { file, share } = this;
    this.arena = undefined;
    this.file = undefined;
    this.share = 0;
    this.sorting.memory.give(share);
    await file?.close();
  }

  private takeArena(): MembershipArena {
    const least = MembershipArena.byteLengthFor(1.25 * this.slack); // some are added before it is full
    this.share = this.sorting.memory.take(Math.max(WANTED_BYTES, least), least);
    return new MembershipArena(this.share);
  }

  private async spill(arena: MembershipArena): Promise<void> {
    this.file ??= await SpillFile.open(this.sorting.folder);
    const writer = new RunWriter(this.file);
    for (const { hash, rows } of arena.sortedBlocks()) {
      await writer.add({ hash, rows, recordCount: rows.length, isFirst: true });
    }
    this.runs.push(await writer.end());
    arena.clear();
  }

  private merge(file: SpillFile, runs: readonly MembershipRun[]): AsyncIterable<BlockPiece> {
    const room = Math.min(MAX_READ, Math.max(MIN_READ, this.share / 2 / runs.length));
    const readers = runs.map((run) => new RunReader(file, run, room & ~3));
    return mergeRuns(readers, PIECE_ROWS);
  }
}

/** A single block of all records, for uploads without blocking. */
export async function* oneBlockOf(
  recordCount: number,
  name: string,
): AsyncGenerator<BlockMembers, void, undefined> {
  for (let from = 0; from < recordCount; from += PIECE_ROWS) {
    const rows = Uint32Array.from(
      { length: Math.min(PIECE_ROWS, recordCount - from) },
      (_, index) => from + index,
    );
    yield { name, recordCount, rows };
  }
}

function nameOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("hex");
}
