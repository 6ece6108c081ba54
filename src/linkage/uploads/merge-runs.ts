import type { BlockPiece, RunReader } from "./membership-runs.js";

/**
 * Merges `MembershipRun`s that have no records in common: blocks in ascending order of hash, large blocks in pieces.
 *
 * @param pieceRows maximum number of records in a piece
 */
export async function* mergeRuns(
  runs: readonly RunReader[],
  pieceRows: number,
): AsyncGenerator<BlockPiece, void, undefined> {
  let readers: RunReader[] = [];
  for (const run of runs) if (await run.nextBlock()) readers.push(run);
  while (readers.length > 0) {
    const members = smallest(readers);
    const { hash } = members[0]!;
    const recordCount = members.reduce((sum, { recordCount }) => sum + recordCount, 0);
    let isFirst = true;
    for await (const rows of mergeRows(members, recordCount, pieceRows)) {
      yield { hash, rows, recordCount, isFirst };
      isFirst = false;
    }
    for (const member of members) {
      if (!(await member.nextBlock())) readers = readers.filter((reader) => reader !== member);
    }
  }
}

/** The readers that are at the first block. */
function smallest(readers: readonly RunReader[]): RunReader[] {
  let found: RunReader[] = [];
  for (const reader of readers) {
    const order = found.length === 0 ? -1 : compareHashes(reader, found[0]!);
    if (order < 0) found = [reader];
    else if (order === 0) found.push(reader);
  }
  return found;
}

/** By their first bits as numbers, which usually differ. */
function compareHashes(left: RunReader, right: RunReader): number {
  return left.hashPrefix - right.hashPrefix || Buffer.compare(left.hash, right.hash);
}

async function* mergeRows(
  readers: readonly RunReader[],
  recordCount: number,
  pieceRows: number,
): AsyncGenerator<Uint32Array, void, undefined> {
  let left = recordCount;
  let piece = new Uint32Array(Math.min(left, pieceRows));
  let used = 0;
  let open = [...readers];
  for (const reader of open) await reader.loadRows();
  while (open.length > 0) {
    const [next, bound] = lowestRows(open);
    used += takeBelow(next, bound, piece, used);
    if (used === piece.length) {
      yield piece;
      left -= used;
      piece = new Uint32Array(Math.min(left, pieceRows));
      used = 0;
    }
    if (next.rows.length === 0) {
      if (next.hasEnded) open = open.filter((reader) => reader !== next);
      else await next.loadRows();
    }
  }
}

/** The reader with the lowest record index, and the lowest index of all other readers. */
function lowestRows(readers: readonly RunReader[]): [RunReader, number] {
  let lowest = readers[0]!;
  let bound = Number.POSITIVE_INFINITY;
  for (let i = 1; i < readers.length; i++) {
    const reader = readers[i]!;
    if (reader.rows[0]! < lowest.rows[0]!) {
      bound = lowest.rows[0]!;
      lowest = reader;
    } else bound = Math.min(bound, reader.rows[0]!);
  }
  return [lowest, bound];
}

/** Takes record indices below `bound` from a reader, as many as fit. Returns how many. */
function takeBelow(reader: RunReader, bound: number, target: Uint32Array, offset: number): number {
  const { rows } = reader;
  const room = Math.min(rows.length, target.length - offset);
  let count = 0;
  while (count < room && rows[count]! < bound) target[offset + count] = rows[count++]!;
  reader.rows = rows.subarray(count);
  return count;
}
