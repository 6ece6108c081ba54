import { wrongArgument as wrong } from "./task-parameters.js";

/** One side of a chunk: a range of a party's part of a block. */
export interface ChunkSide {
  readonly dataproviderId: number;
  /** The party's index in candidate pairs. */
  readonly datasetIndex: number;
  readonly blockId: number;
  /**
   * A range of the block's records, ordered by entity id; `to` is excluded. In a package of several chunks each is a
   * whole block, and its range may be unknown: 0 to 0.
   */
  readonly from: number;
  readonly to: number;
}

/** Records of two parties, to be compared with each other. */
export interface Chunk {
  readonly left: ChunkSide;
  readonly right: ChunkSide;
}

/**
 * The work of one task: a single chunk, which may be a part of a block, or several chunks, each a whole block.
 */
export type WorkPackage = readonly [Chunk, ...Chunk[]];

const MAX_INT32 = 2 ** 31 - 1;
const MAX_UINT32 = 2 ** 32 - 1;

/**
 * Reads a package in the format of a task's arguments: a list of `[left, right]`, each side
 * `{dataproviderId, datasetIndex, block_id, range: [from, to]}`.
 *
 * @throws ServiceError `invalid-arguments`
 */
export function readWorkPackage(value: unknown): WorkPackage {
  if (!Array.isArray(value) || value.length === 0) {
    throw wrong("package", "a list of one pair or more", value);
  }
  const usesRange = value.length === 1;
  return value.map((pair: unknown, n): Chunk => {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong(`package[${n}]`, "[left, right]", pair);
    const [left, right] = pair;
    return {
      left: readSide(left, `package[${n}][0]`, usesRange),
      right: readSide(right, `package[${n}][1]`, usesRange),
    };
  }) as unknown as WorkPackage;
}

/** Comparisons in a package, as far as its ranges are known. */
export function countComparisons(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { left, right }) => sum + (left.to - left.from) * (right.to - right.from), 0);
}

function readSide(value: unknown, subject: string, usesRange: boolean): ChunkSide {
  if (typeof value !== "object" || value === null) throw wrong(subject, "an object", value);
  const { dataproviderId, datasetIndex, block_id, range } = value as Record<string, unknown>;
  const [from, to] = usesRange ? readRange(range, `${subject}.range`) : rangeOfBlock(range);
  return {
    dataproviderId: readWhole(dataproviderId, `${subject}.dataproviderId`, 0, MAX_INT32),
    datasetIndex: readWhole(datasetIndex, `${subject}.datasetIndex`, 0, MAX_UINT32),
    blockId: readWhole(block_id, `${subject}.block_id`, 0, MAX_INT32),
    from,
    to,
  };
}

function readRange(value: unknown, subject: string): [from: number, to: number] {
  if (!Array.isArray(value) || value.length !== 2) throw wrong(subject, "[from, to]", value);
  const from = readWhole(value[0], `${subject}[0]`, 0, MAX_UINT32 - 1);
  return [from, readWhole(value[1], `${subject}[1]`, from + 1, MAX_UINT32)];
}

/** The range of a whole block; 0 to 0 if the package does not contain it. */
function rangeOfBlock(range: unknown): [from: number, to: number] {
  try {
    return readRange(range, "range");
  } catch {
    return [0, 0];
  }
}

function readWhole(value: unknown, subject: string, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  throw wrong(subject, `a whole number from ${min} to ${max}`, value);
}
