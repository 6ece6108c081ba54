import { BlockNames } from "./block-names.js";
import { describeValue, LinkageError, wrongValue } from "./errors.js";
import { GrowableUint32 } from "./growable-uint32.js";

/** Maximum number of distinct blocks in a data set. */
export const MAX_BLOCK_COUNT = 16_000_000;

/** Memberships that a builder collects before it looks up their names. */
const MAX_WAITING = 1024;

/**
 * Which records are in which block: block `b` is named `names[b]` and contains the records
 * `records[starts[b] … starts[b + 1])`, ascending, each once. Every block contains at least one record.
 */
export interface BlockIndex {
  /** The distinct names, in the order in which they first occur in the records. */
  readonly names: readonly string[];
  /** `names.length + 1` offsets into {@link records}. */
  readonly starts: Uint32Array;
  /** Record indices, block by block. */
  readonly records: Uint32Array;
}

/** The hash tables that indexes were built with. Looking the names up again would cost as much as building them. */
const tables = new WeakMap<BlockIndex, BlockNames>();

function tableOf(index: BlockIndex): BlockNames {
  let table = tables.get(index);
  if (table === undefined) {
    table = new BlockNames(index.names.length);
    table.addAll(index.names, index.names.length, new GrowableUint32(index.names.length));
    tables.set(index, table);
  }
  return table;
}

/** Collects memberships, in any order, and builds a {@link BlockIndex}. */
export class BlockIndexBuilder {
  private readonly names: BlockNames;
  private readonly rows: GrowableUint32;
  private readonly blocks: GrowableUint32;
  /** The names of the latest memberships, which are looked up together: the first `waitingCount`. */
  private readonly waiting: string[] = new Array(MAX_WAITING).fill("");
  private waitingCount = 0;

  /** @param expectedMemberships number of memberships to allocate room for at first, default 1,024 */
  constructor(expectedMemberships = 1024) {
    this.names = new BlockNames(Math.min(expectedMemberships / 2, MAX_BLOCK_COUNT));
    this.rows = new GrowableUint32(expectedMemberships);
    this.blocks = new GrowableUint32(expectedMemberships);
  }

  /**
   * Adds a record to a block. Adding it again has no effect.
   *
   * @param row record index, 0 to 2³² − 2
   * @param block the block's name; the integer 1 and the string `"1"` are the same block
   * @throws LinkageError `invalid-dataset` if `block` is neither a string nor an integer that a double represents
   *   exactly, or if there are more than {@link MAX_BLOCK_COUNT} distinct blocks
   */
  add(row: number, block: string | number): void {
    if (typeof block !== "string" && !Number.isSafeInteger(block)) {
      const received = typeof block === "number" ? "another number" : describeValue(block);
      throw wrongValue("invalid-dataset", "A block", "a string or an exact integer", received);
    }
    this.rows.push(row);
    this.waiting[this.waitingCount++] = typeof block === "string" ? block : String(block);
    if (this.waitingCount === MAX_WAITING) this.lookUpWaiting();
  }

  /** As {@link add}, for a block's name in UTF-8: the first `length` of `bytes`. */
  addUtf8(row: number, bytes: Uint8Array, length: number): void {
    this.lookUpWaiting();
    this.rows.push(row);
    this.blocks.push(this.names.addUtf8(bytes, length));
    this.checkBlockCount();
  }

  /** Builds the index, which takes over the names: nothing can be added afterwards. */
  build(): BlockIndex {
    this.lookUpWaiting();
    const rows = this.rows.view();
    const blocks = this.blocks.view();
    const { names } = this.names;
    const starts = new Uint32Array(names.length + 1);
    for (let i = 0; i < blocks.length; i++) starts[blocks[i]! + 1]!++;
    for (let b = 0; b < names.length; b++) starts[b + 1]! += starts[b]!;
    const records = new Uint32Array(rows.length);
    // Backwards, each block from its end: `starts[b + 1]` is the end of block b, and becomes its start.
    for (let i = rows.length - 1; i >= 0; i--) records[--starts[blocks[i]! + 1]!] = rows[i]!;
    starts.copyWithin(0, 1);
    starts[names.length] = rows.length;
    const index = { names, starts, records: sortBlocks(starts, records) };
    tables.set(index, this.names);
    return index;
  }

  private lookUpWaiting(): void {
    if (this.waitingCount === 0) return;
    this.names.addAll(this.waiting, this.waitingCount, this.blocks);
    this.waitingCount = 0;
    this.checkBlockCount();
  }

  private checkBlockCount(): void {
    if (this.names.names.length <= MAX_BLOCK_COUNT) return;
    const message = `The data set has more than ${MAX_BLOCK_COUNT} distinct blocks.`;
    throw new LinkageError("invalid-dataset", message, {
      subject: "blocks",
      expected: `at most ${MAX_BLOCK_COUNT} distinct blocks`,
      received: "more",
    });
  }
}

/** Sorts the records of each block and drops duplicates; `starts` is adjusted in place. */
function sortBlocks(starts: Uint32Array, records: Uint32Array): Uint32Array {
  let out = 0;
  let from = 0;
  for (let b = 0; b + 1 < starts.length; b++) {
    const to = starts[b + 1]!;
    let ascending = true;
    for (let i = from + 1; i < to; i++) ascending &&= records[i - 1]! <= records[i]!;
    if (!ascending) records.subarray(from, to).sort();
    const first = out;
    for (let i = from; i < to; i++) {
      const record = records[i]!;
      if (out === first || records[out - 1] !== record) records[out++] = record;
    }
    starts[b + 1] = out;
    from = to;
  }
  return out === records.length ? records : records.slice(0, out);
}

/**
 * Indexes the blocks of records.
 *
 * @param rows the blocks of each record, in order: strings or integers; may be empty
 * @throws LinkageError `invalid-dataset` for a block that is neither a string nor an exact integer, or for too many
 *   distinct blocks
 */
export function indexBlocks(rows: Iterable<Iterable<string | number>>): BlockIndex {
  const builder = new BlockIndexBuilder(Array.isArray(rows) ? countItems(rows) : undefined);
  let row = 0;
  for (const blocks of rows) {
    // Arrays are the usual case, and for hundreds of thousands of short ones an index loop is faster.
    if (Array.isArray(blocks)) for (let i = 0; i < blocks.length; i++) builder.add(row, blocks[i]);
    else for (const block of blocks) builder.add(row, block);
    row++;
  }
  return builder.build();
}

function countItems(rows: readonly unknown[]): number {
  let count = 0;
  for (const row of rows) count += Array.isArray(row) ? row.length : 1;
  return count;
}

/** Block `left[i]` of one index and block `right[i]` of another have the same name. */
export interface BlockMatches {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

/** Finds the blocks that two data sets have in common, in the order of the left index. */
export function matchBlocks(left: BlockIndex, right: BlockIndex): BlockMatches {
  const leftNames = tableOf(left);
  const rightNames = tableOf(right);
  const found = rightNames.findNamesOf(leftNames);
  // Allocates each list at its final length: discarded memory would trigger garbage collection sooner.
  const count = countFound(found);
  const matches = { left: new Uint32Array(count), right: new Uint32Array(count) };
  let n = 0;
  for (let b = 0; b < found.length; b++) {
    const match = found[b]!;
    if (match < 0) continue;
    matches.left[n] = b;
    matches.right[n++] = match;
  }
  return matches;
}

function countFound(found: Int32Array): number {
  let count = 0;
  for (let i = 0; i < found.length; i++) count += found[i]! < 0 ? 0 : 1;
  return count;
}

/**
 * Counts the comparisons between data sets: the products of the record counts of each pair of data sets, summed over
 * all block names. Pairs of records that share several blocks count once per block. Exact up to 2⁵³.
 */
export function countComparisons(indexes: readonly BlockIndex[]): number {
  const allNames = new BlockNames();
  const recordsSoFar: number[] = [];
  let comparisons = 0;
  for (const { names, starts } of indexes) {
    for (let b = 0; b < names.length; b++) {
      const count = starts[b + 1]! - starts[b]!;
      const name = allNames.add(names[b]!);
      const others = recordsSoFar[name] ?? 0;
      comparisons += others * count;
      recordsSoFar[name] = others + count;
    }
  }
  return comparisons;
}
