/** The properties of a file that are known without reading it. */
export interface ObjectInfo {
  readonly byteLength: number;
  /** The client's own metadata; keys in lower case, without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A range of a file: `byteLength` bytes from offset `from`. */
export interface ByteRange {
  readonly from: number;
  readonly byteLength: number;
}

/** Stores files by name; names contain slashes, as in `similarity-scores/….bin`. */
export interface ObjectStore {
  /**
   * Stores a file, replacing any file of that name. It becomes visible only when it is complete.
   *
   * @param content streams the file's bytes; called once per attempt
   * @param byteLength the number of bytes
   */
  put(
    name: string,
    content: () => AsyncIterable<Uint8Array>,
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<void>;

  /**
   * Stores a file of unknown length from a stream that can be read only once; not retried. The file becomes visible
   * only when it is complete; if the stream fails, nothing remains. Memory: at most one part of 16 MiB.
   */
  putStream(name: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;

  /** The length of a file in bytes; `undefined` if it does not exist. */
  byteLengthOf(name: string): Promise<number | undefined>;

  /** `undefined` if the file does not exist. */
  find(name: string): Promise<ObjectInfo | undefined>;

  /**
   * Streams a file, or a range of it, clipped to the end of the file. An interrupted connection is resumed where it
   * stopped.
   *
   * @throws ServiceError `missing-object`
   */
  get(name: string, range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /** Removes files; ignores those that do not exist. */
  remove(names: readonly string[]): Promise<void>;

  /** The names that start with `prefix`. */
  list(prefix: string): AsyncIterable<string>;

  /** Rejects unless the store responds. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A bucket that clients access directly, with temporary credentials that are limited to a path. */
export interface SharedObjects {
  readonly bucket: string;
  /** `host:port` for clients. */
  readonly endpoint: string;
  readonly secure: boolean;
  /** Credentials that allow only storing objects below `path/`. */
  uploadCredentials(path: string): Promise<TemporaryCredentials>;
  /** Credentials that allow only reading that object. */
  downloadCredentials(name: string): Promise<TemporaryCredentials>;
}

export interface TemporaryCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  /** ISO 8601. */
  readonly Expiration: string;
}
