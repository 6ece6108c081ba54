import { type ClkDataset, createClkDataset } from "../../core/clk-dataset.js";
import { ByteSegments } from "../../core/clk-reading/byte-segments.js";
import { GrowableUint32 } from "../../core/growable-uint32.js";
import { ServiceError } from "../../linkage/errors.js";

/** A stored encoding begins with its entity id, four bytes. */
const ROW_LENGTH = 4;

/** Packs stored encodings, in order of entity id, into a data set. */
export class EncodingCollector {
  readonly #byteLength: number;
  readonly #segments: ByteSegments;
  readonly #entityIds: GrowableUint32;
  #lastEntityId = -1;

  /**
   * @param byteLength bytes in one encoding
   * @param expectedCount the number of encodings, if known: saves a copy
   */
  constructor(byteLength: number, expectedCount = 0) {
    this.#byteLength = byteLength;
    this.#segments = new ByteSegments(byteLength * expectedCount);
    this.#entityIds = new GrowableUint32(Math.max(1, expectedCount));
  }

  get recordCount(): number {
    return this.#entityIds.length;
  }

  /**
   * Adds the value of the column `encoding`, `bytes[from … to)`; an entity id that is repeated is skipped.
   *
   * @returns the record's index
   * @throws ServiceError `invalid-encodings`
   */
  add(entityId: number, bytes: Buffer, from: number, to: number): number {
    if (entityId === this.#lastEntityId) return this.recordCount - 1;
    if (entityId < this.#lastEntityId) {
      throw new ServiceError("invalid-encodings", "The entity ids are not in ascending order.");
    }
    if (to - from !== ROW_LENGTH + this.#byteLength) {
      const byteLength = to - from - ROW_LENGTH;
      throw new ServiceError(
        "invalid-encodings",
        `An encoding has ${byteLength} bytes instead of ${this.#byteLength}.`,
      );
    }
    this.#lastEntityId = entityId;
    this.#segments.reserve(this.#byteLength);
    bytes.copy(this.#segments.segment, this.#segments.used, from + ROW_LENGTH, to);
    this.#segments.commit(this.#byteLength);
    this.#entityIds.push(entityId);
    return this.recordCount - 1;
  }

  /** Builds the data set; the collector cannot be used afterwards. */
  build(): { dataset: ClkDataset; entityIds: Uint32Array } {
    const dataset = createClkDataset(this.#segments.join(), this.#byteLength);
    return { dataset, entityIds: this.#entityIds.view().slice() };
  }
}
