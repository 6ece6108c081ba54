import type { ClkDataset } from "./clk-dataset.js";
import { encodeBase64 } from "./clk-reading/base64.js";

/** Slots probed before a row goes to the overflow set: keeps hostile rows from slowing the count down. */
const MAX_PROBES = 24;

/**
 * Counts the rows that equal an earlier row. Rows are hashed into a table of typed arrays and compared in full if their
 * hashes are equal. The few without a free slot nearby are kept in a Set.
 */
export function countDuplicateRows(dataset: ClkDataset): number {
  const { bytes, recordCount, byteLength } = dataset;
  const mask = 2 ** Math.ceil(Math.log2(2 * recordCount + 2)) - 1;
  const rows = new Uint32Array(mask + 1); // index + 1; 0: free
  const hashes = new Uint32Array(mask + 1);
  const overflow = new Set<string>();
  let duplicates = 0;
  for (let row = 0; row < recordCount; row++) {
    const start = row * byteLength;
    const hash = hashBytes(bytes, start, byteLength);
    let slot = hash % (mask + 1);
    let probes = 0;
    for (; probes < MAX_PROBES && rows[slot] !== 0; probes++) {
      if (hashes[slot] === hash && areEqual(bytes, (rows[slot]! - 1) * byteLength, start, byteLength)) break;
      slot = slot === mask ? 0 : slot + 1;
    }
    if (probes === MAX_PROBES) {
      const key = encodeBase64(bytes, start, start + byteLength);
      if (overflow.has(key)) duplicates++;
      else overflow.add(key);
    } else if (rows[slot] !== 0) duplicates++;
    else {
      rows[slot] = row + 1;
      hashes[slot] = hash;
    }
  }
  return duplicates;
}

/** Hashes bytes to 32 bits, four at a time. */
function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let hash = length;
  let pos = start;
  for (; pos + 4 <= end; pos += 4) {
    const word = bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; pos < end; pos++) hash = Math.imul(hash ^ bytes[pos]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function areEqual(bytes: Uint8Array, left: number, right: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[left + i] !== bytes[right + i]) return false;
  return true;
}
