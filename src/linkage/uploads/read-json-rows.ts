import { ClkJsonReader } from "../../core/clk-reading/clk-json-reader.js";
import { BlockLists } from "./block-lists.js";
import { blockNameHasher } from "./block-name-hash.js";
import { BlockSorter, type BlockSorting } from "./block-sorter.js";
import { type JsonBounds, ParsedJson } from "./parsed-json.js";
import { type RowRules, StreamedRows } from "./streamed-rows.js";

export interface JsonRules extends RowRules {
  /** Bytes of UTF-8. */
  readonly maxBlockNameLength: number;
}

/** Takes whole rows, in their order; all calls are of one width. */
export type TakeRows = (rows: Uint8Array, byteLength: number) => Promise<void>;

/** How deep an upload nests at most: what it may mean needs 3. */
const MAX_DEPTH = 64;
/** The longest text or number, in bytes, if names of blocks may not be longer: ample for base64 of the widest row. */
const MAX_TEXT_LENGTH = 1 << 16;
/** Bytes of text read between two looks at what came of it. A block takes 2 of them at least. */
const SLICE_LENGTH = 1 << 14;

/** Makes a sorter for the blocks that {@link readJsonRows} and {@link readJsonBlocks} read. The caller closes it. */
export function createBlockSorter(sorting: BlockSorting, maxBlocksPerRow: number): BlockSorter {
  return new BlockSorter(sorting, SLICE_LENGTH / 2 + maxBlocksPerRow);
}

/**
 * Reads the JSON of an upload as it comes, UTF-8 cut anywhere.
 *
 * @throws LinkageError `invalid-dataset` where the whole does not fit, InvalidRowsError for single wrong rows, and what
 *   the source, the rules or `take` throw
 */
export async function readJsonRows(
  source: AsyncIterable<Uint8Array>,
  rules: JsonRules,
  sorter: BlockSorter,
  take: TakeRows,
): Promise<{ readonly recordCount: number; readonly byteLength: number }> {
  const rows = new StreamedRows(rules, new BlockLists(rules, await blockNameHasher(), sorter));
  const json = new ParsedJson(new ClkJsonReader(rules, rows), boundsOf(rules));
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += SLICE_LENGTH) {
      json.write(chunk.subarray(from, from + SLICE_LENGTH));
      await sorter.makeRoom();
      if (rows.isFull) await take(rows.takeRows(), rows.byteLength!);
    }
  }
  json.end();
  rows.finish();
  const rest = rows.takeRows();
  if (rest.length > 0) await take(rest, rows.byteLength!);
  return { recordCount: rows.recordCount, byteLength: rows.byteLength! };
}

/**
 * Reads `{"blocks": {"0": […], …}}`, for rows that come apart.
 *
 * @param recordCount how many rows there are; blocks of others are an error
 * @throws as {@link readJsonRows}
 */
export async function readJsonBlocks(
  source: AsyncIterable<Uint8Array>,
  rules: JsonRules,
  recordCount: number,
  sorter: BlockSorter,
): Promise<void> {
  const rows = new StreamedRows(rules, new BlockLists(rules, await blockNameHasher(), sorter));
  const json = new ParsedJson(new ClkJsonReader(rules, rows, "blocks"), boundsOf(rules));
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += SLICE_LENGTH) {
      json.write(chunk.subarray(from, from + SLICE_LENGTH));
      await sorter.makeRoom();
    }
  }
  json.end();
  rows.finishBlocks(recordCount);
}

function boundsOf({ maxBlockNameLength }: JsonRules): JsonBounds {
  return { maxDepth: MAX_DEPTH, maxTextLength: Math.max(MAX_TEXT_LENGTH, maxBlockNameLength) };
}
