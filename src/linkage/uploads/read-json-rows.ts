import { ClkJsonReader } from "../../core/clk-reading/clk-json-reader.js";
import { JsonScanner } from "../../core/json/json-scanner.js";
import { BlockLists } from "./block-lists.js";
import { blockNameHasher } from "./block-name-hash.js";
import { BlockSorter, type BlockSorting } from "./block-sorter.js";
import { type RowRules, UploadRowCollector } from "./upload-row-collector.js";

export interface JsonRules extends RowRules {
  /** Bytes of UTF-8. */
  readonly maxBlockNameLength: number;
}

/** Takes whole records, in order; `byteLength` is the same in all calls. */
export type TakeRows = (rows: Uint8Array, byteLength: number) => Promise<void>;

/** Maximum nesting of an upload; valid uploads need 3. */
const MAX_DEPTH = 64;
/** Bytes of JSON parsed between two checks of the results. A block takes at least 2 bytes. */
const SLICE_LENGTH = 1 << 14;

/** Creates a sorter for the blocks that {@link readJsonRows} and {@link readJsonBlocks} read. The caller closes it. */
export function createBlockSorter(sorting: BlockSorting, maxBlocksPerRow: number): BlockSorter {
  return new BlockSorter(sorting, SLICE_LENGTH / 2 + maxBlocksPerRow);
}

/**
 * Reads the JSON of an upload, UTF-8 in chunks that may be cut anywhere.
 *
 * @throws LinkageError `invalid-dataset` if the data set as a whole is invalid, InvalidRowsError for single invalid
 *   records, and the errors of the source, the rules or `take`
 */
export async function readJsonRows(
  source: AsyncIterable<Uint8Array>,
  rules: JsonRules,
  sorter: BlockSorter,
  take: TakeRows,
): Promise<{ readonly recordCount: number; readonly byteLength: number }> {
  const rows = new UploadRowCollector(rules, new BlockLists(rules, await blockNameHasher(), sorter));
  const json = new JsonScanner(new ClkJsonReader(rules, rows), MAX_DEPTH);
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
 * Reads `{"blocks": {"0": […], …}}`, if the encodings come separately.
 *
 * @param recordCount the number of records; blocks of others are an error
 * @throws as {@link readJsonRows}
 */
export async function readJsonBlocks(
  source: AsyncIterable<Uint8Array>,
  rules: JsonRules,
  recordCount: number,
  sorter: BlockSorter,
): Promise<void> {
  const rows = new UploadRowCollector(rules, new BlockLists(rules, await blockNameHasher(), sorter));
  const json = new JsonScanner(new ClkJsonReader(rules, rows, "blocks"), MAX_DEPTH);
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += SLICE_LENGTH) {
      json.write(chunk.subarray(from, from + SLICE_LENGTH));
      await sorter.makeRoom();
    }
  }
  json.end();
  rows.finishBlocks(recordCount);
}
