import { describeValue, LinkageError } from "../errors.js";

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
 * @param subject the file's name in errors
 * @throws LinkageError `invalid-candidate-file`
 */
export function readHeader(bytes: Uint8Array, subject: string): CandidateFileLayout {
  const [version, scoreWidth, datasetWidth, recordWidth] = bytes;
  if (version !== FILE_VERSION) {
    throw new LinkageError(
      "invalid-candidate-file",
      subject,
      `version ${FILE_VERSION}`,
      `version ${version}`,
    );
  }
  if (!isScoreWidth(scoreWidth)) {
    throw new LinkageError("invalid-candidate-file", subject, "scores of 2, 4 or 8 bytes", `${scoreWidth}`);
  }
  if (!isIndexWidth(datasetWidth) || !isIndexWidth(recordWidth)) {
    const received = `${datasetWidth} for data sets, ${recordWidth} for records`;
    throw new LinkageError("invalid-candidate-file", subject, "indices of 1, 2, 4 or 8 bytes", received);
  }
  return { scoreWidth, datasetWidth, recordWidth };
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
    throw new LinkageError("invalid-option", name, "a whole number of 1 or more", describeValue(value));
  }
  return value;
}
