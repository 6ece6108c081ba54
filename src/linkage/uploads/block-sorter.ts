import type { BlockMembers } from "../encoding-store.js";
import { HASH_WORDS, MembershipArena } from "./membership-arena.js";
import { type BlockPiece, type MembershipRun, RunReader, RunWriter } from "./membership-runs.js";
import type { MemoryBudget } from "./memory-budget.js";
import { mergeRuns } from "./merge-runs.js";
import { SpillFile } from "./spill-file.js";

/** Where and in how much memory the blocks of uploads are sorted. */
export interface BlockSorting {
  /** A folder for temporary files, which vanish also when the process is killed; it must exist. */
  readonly folder: string;
  /** For all uploads of the process together. */
  readonly memory: MemoryBudget;
}

/** Rows in a piece of a block, at most. */
export const PIECE_ROWS = 1 << 18;

/** Memory that a sorter takes if it can, in bytes. */
const WANTED_BYTES = 8 * 2 ** 20;
/** Runs that are merged at once: each needs its buffer. */
const MAX_MERGED_RUNS = 64;
const LONGEST_READ = 1 << 16;
const SHORTEST_READ = 1 << 12;

/**
 * Sorts memberships of rows in blocks by block, in memory of a fixed size, however many they are: what does not fit goes
 * to a temporary file in sorted runs, which are merged at the end. Takes no memory before the first membership.
 */
export class BlockSorter {
  private arena: MembershipArena | undefined;
  private share = 0;
  private file: SpillFile | undefined;
  private runs: MembershipRun[] = [];

  /** @param slack memberships that may be added between two calls of {@link makeRoom} */
  constructor(
    private readonly sorting: BlockSorting,
    private readonly slack: number,
  ) {}

  /**
   * Adds a row to some blocks. All blocks of a row must come in one call.
   *
   * @param hashes of the blocks' names, {@link HASH_WORDS} words each; one that comes twice counts once
   */
  add(row: number, hashes: Uint32Array, blockCount: number): void {
    if (blockCount === 0) return;
    this.arena ??= this.takeArena();
    for (let block = 0; block < blockCount; block++) this.arena.add(hashes, block * HASH_WORDS, row);
  }

  /** To be awaited after every {@link slack} memberships at the latest. */
  async makeRoom(): Promise<void> {
    const { arena, slack } = this;
    if (arena === undefined) return;
    const rows = arena.membershipCapacity - arena.membershipCount;
    const blocks = arena.blockCapacity - arena.blockCount;
    if (Math.min(rows, blocks) < slack) await this.spill(arena);
  }

  /** All blocks, ascending by the hash of their names. May be called once. */
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
    this.arena = undefined; // its memory is now that of the merge's buffers
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

  /** Gives memory and the temporary file back. */
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
    const room = Math.min(LONGEST_READ, Math.max(SHORTEST_READ, this.share / 2 / runs.length));
    const readers = runs.map((run) => new RunReader(file, run, room & ~3));
    return mergeRuns(readers, PIECE_ROWS);
  }
}

/** All rows in one block of that name: where nobody uses blocks. */
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
