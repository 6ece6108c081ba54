import { invalidOption, LinkageError } from "../errors.js";

/** The file starts with four bytes: version, bytes per score, per data set index, per record index. */
export const HEADER_LENGTH = 4;
export const FILE_VERSION = 1;

export type ScoreWidth = 2 | 4 | 8;
export type IndexWidth = 1 | 2 | 4 | 8;

/** Bytes per value. A pair is one score, two data set indices and two record indices, without padding. */
export interface CandidateFileLayout {
  readonly scoreWidth: ScoreWidth;
  readonly datasetWidth: IndexWidth;
  readonly recordWidth: IndexWidth;
}

/** Bytes per candidate pair. */
export function pairByteLength({ scoreWidth, datasetWidth, recordWidth }: CandidateFileLayout): number {
  return scoreWidth + 2 * datasetWidth + 2 * recordWidth;
}

/**
 * Reads the header at the start of `bytes`, which has at least four bytes.
 *
 * @param name the file's name in errors
 * @throws LinkageError `invalid-candidate-file`
 */
export function readHeader(bytes: Uint8Array, name: string): CandidateFileLayout {
  const [version, scoreWidth, datasetWidth, recordWidth] = bytes;
  if (version !== FILE_VERSION) throw invalidFile(name, `its version is ${version}, not ${FILE_VERSION}`);
  if (!isScoreWidth(scoreWidth)) {
    throw invalidFile(name, `its scores have ${scoreWidth} bytes, not 2, 4 or 8`);
  }
  if (!isIndexWidth(datasetWidth) || !isIndexWidth(recordWidth)) {
    const widths = `${datasetWidth} bytes for data sets and ${recordWidth} for records`;
    throw invalidFile(name, `its indices have ${widths}, not 1, 2, 4 or 8`);
  }
  return { scoreWidth, datasetWidth, recordWidth };
}

/** The error for a file that is not a candidate file, or a damaged one. */
export function invalidFile(name: string, reason: string): LinkageError {
  return new LinkageError("invalid-candidate-file", `Cannot read ${name}: ${reason}.`, { subject: name });
}

/** The four bytes at the start of a file. */
export function headerBytes({ scoreWidth, datasetWidth, recordWidth }: CandidateFileLayout): Uint8Array {
  return Uint8Array.of(FILE_VERSION, scoreWidth, datasetWidth, recordWidth);
}

export function isScoreWidth(width: unknown): width is ScoreWidth {
  return width === 2 || width === 4 || width === 8;
}

export function isIndexWidth(width: unknown): width is IndexWidth {
  return width === 1 || width === 2 || width === 4 || width === 8;
}

/** Checks a count given as an option: an integer ≥ 1. Throws `invalid-option`. */
export function checkCountOption(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw invalidOption(name, "a whole number of 1 or more", value);
  }
  return value;
}
