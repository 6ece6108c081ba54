/** Where files are; names hold slashes, as `similarity-scores/….bin`. */
export interface ObjectStore {
  /**
   * Stores a file, in place of one of that name. It appears only when it is complete.
   *
   * @param content makes the file's bytes as a stream, once for each try
   * @param byteLength how many bytes that are
   */
  put(
    name: string,
    content: () => AsyncIterable<Uint8Array>,
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<void>;

  /** The length of a file in bytes; `undefined` if there is none. */
  byteLengthOf(name: string): Promise<number | undefined>;
}
