/**
 * Benchmark data: the demo's people at three densities. It is generated once and kept as raw files under
 * `.cache/bench/`, so that every run, and every peer in another language, reads the same bytes.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeWithSchema } from "../demo/clk-encoder.js";
import { makePeople, type Truth } from "../demo/people.js";
import { linkageSchema } from "../demo/schema.js";
import { allocateBytes, type ClkDataset, createClkDataset } from "../src/core/clk-dataset.js";

/** Mean share of ones in the CLKs, in percent. */
export type OnesShare = 36 | 50 | 58;

export interface BenchOptions {
  /** Records per side; half of the people are on both sides. */
  readonly rows: number;
  readonly onesShare: OnesShare;
}

/** The files of one benchmark data set; see {@link benchDataset}. */
export interface BenchPaths {
  /** `rows` CLKs of 128 bytes each, back to back. */
  readonly left: string;
  readonly right: string;
  /** The entity of each record as a little-endian unsigned 32-bit number; equal numbers mean the same person. */
  readonly leftEntities: string;
  readonly rightEntities: string;
  /** JSON: `{name, rows, byteLength, sharedCount, schema}`, the schema in clkhash's format. */
  readonly description: string;
}

export interface BenchDataset {
  /** Names the data in reports, e.g. `people-v1-20000-ones36`. */
  readonly name: string;
  readonly left: ClkDataset;
  readonly right: ClkDataset;
  readonly truth: Truth;
  readonly paths: BenchPaths;
}

/** Increment this when people, schema or encoder change, so that numbers of different data are never compared. */
const DATA_VERSION = 1;

/** Hashes per bigram that yield each share of ones to within one point; measured at 1,000 and 20,000 records. */
const HASHES_PER_BIGRAM: Readonly<Record<OnesShare, number>> = { 36: 6.8, 50: 10.5, 58: 13.1 };

const SEED = 20_240_101;
const SECRET = "benchmark data is not secret";
const BYTE_LENGTH = 128;
const CACHE_FOLDER = fileURLToPath(new URL("../.cache/bench/", import.meta.url));

/** The benchmark data of one size and density, read from the cache or generated and stored there. */
export function benchDataset({ rows, onesShare }: BenchOptions): BenchDataset {
  if (!Number.isInteger(rows) || rows < 1) throw new RangeError(`rows must be 1 or more, not ${rows}.`);
  const name = `people-v${DATA_VERSION}-${rows}-ones${onesShare}`;
  const folder = join(CACHE_FOLDER, name);
  if (!existsSync(folder)) make(folder, name, rows, onesShare);
  const paths = pathsIn(folder);
  const { sharedCount } = JSON.parse(readFileSync(paths.description, "utf8")) as { sharedCount: number };
  return {
    name,
    left: readDataset(paths.left),
    right: readDataset(paths.right),
    truth: { left: readNumbers(paths.leftEntities), right: readNumbers(paths.rightEntities), sharedCount },
    paths,
  };
}

function pathsIn(folder: string): BenchPaths {
  return {
    left: join(folder, "left.bin"),
    right: join(folder, "right.bin"),
    leftEntities: join(folder, "left-entities.bin"),
    rightEntities: join(folder, "right-entities.bin"),
    description: join(folder, "description.json"),
  };
}

/** Writes all files to a draft folder and then renames it: a folder that exists is complete. */
function make(folder: string, name: string, rows: number, onesShare: OnesShare): void {
  const schema = linkageSchema(HASHES_PER_BIGRAM[onesShare]);
  const { left, right, truth } = makePeople({ count: rows, seed: SEED });
  const { sharedCount } = truth;
  const draft = `${folder}.${process.pid}.draft`;
  mkdirSync(draft, { recursive: true });
  const paths = pathsIn(draft);
  writeFileSync(paths.left, encodeWithSchema(left, schema, SECRET).bytes);
  writeFileSync(paths.right, encodeWithSchema(right, schema, SECRET).bytes);
  writeFileSync(paths.leftEntities, truth.left);
  writeFileSync(paths.rightEntities, truth.right);
  const description = { name, rows, byteLength: BYTE_LENGTH, sharedCount, schema };
  writeFileSync(paths.description, `${JSON.stringify(description, null, 2)}\n`);
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(folder)) throw error; // otherwise another process created the same files first
  }
}

function readDataset(path: string): ClkDataset {
  const file = readFileSync(path);
  const bytes = allocateBytes(file.length);
  bytes.set(file);
  return createClkDataset(bytes, BYTE_LENGTH);
}

function readNumbers(path: string): Uint32Array {
  const file = readFileSync(path);
  return new Uint32Array(Uint8Array.from(file).buffer);
}
