/** What is known of a file without reading it. */
export interface ObjectInfo {
  readonly byteLength: number;
  /** The client's own metadata, by names in lower case without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of a file: from the first one on, so many of them. */
export interface ByteRange {
  readonly from: number;
  readonly byteLength: number;
}

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

  /**
   * Stores a file whose length shows only at its end, from a stream that can be read once; it is not tried again. It
   * appears only when it is complete; where the stream fails, nothing stays. Memory: one part of 16 MiB at most.
   */
  putStream(name: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;

  /** The length of a file in bytes; `undefined` if there is none. */
  byteLengthOf(name: string): Promise<number | undefined>;

  /** `undefined` if there is none. */
  find(name: string): Promise<ObjectInfo | undefined>;

  /**
   * The bytes of a file, or of a part of it, as they come; where a connection breaks off, it is taken up again where it
   * was. What lies beyond the end is left out.
   *
   * @throws ServiceError `missing-object`
   */
  get(name: string, range?: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /** Removes files; those that do not exist are none. */
  remove(names: readonly string[]): Promise<void>;

  /** The names that begin so. */
  list(prefix: string): AsyncIterable<string>;

  /** Rejects unless the store answers. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A bucket that clients reach themselves, with credentials that end and that are limited to a path. */
export interface SharedObjects {
  readonly bucket: string;
  /** `host:port`, as clients reach it. */
  readonly endpoint: string;
  readonly secure: boolean;
  /** May put objects below `path/`, and nothing else. */
  uploadCredentials(path: string): Promise<TemporaryCredentials>;
  /** May get that one object, and nothing else. */
  downloadCredentials(name: string): Promise<TemporaryCredentials>;
}

export interface TemporaryCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  /** ISO 8601. */
  readonly Expiration: string;
}
