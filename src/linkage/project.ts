/** The kind of result that a project produces. */
export type ResultType = "groups" | "permutations" | "similarity_scores";

/** `in_progress`: an upload is in progress. `error`: the upload cannot be used; the party may try again. */
export type PartyState = "not_started" | "in_progress" | "done" | "error";

/** `pending` while its encodings are being stored, `ready` once all are stored. */
export type UploadState = "pending" | "ready" | "error";

/** A project as requested. */
export interface ProjectDescription {
  /** 48 hexadecimal characters, like all ids and tokens. */
  readonly projectId: string;
  /** Allows its holder to start runs, read results and delete the project. */
  readonly resultToken: string;
  readonly resultType: ResultType;
  /** The linkage schema as sent by the client; `clkConfig.l` may give the number of bits in an encoding. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly notes: string;
  /** 2 or more. */
  readonly partyCount: number;
  readonly usesBlocking: boolean;
}

export interface Project extends ProjectDescription {
  readonly timeAdded: Date;
  /** Bytes in an encoding, once all parties' uploads are known to agree. */
  readonly encodingSize: number | undefined;
}

/** A party of a project. */
export interface Dataprovider {
  /** A positive integer of 31 bits. */
  readonly id: number;
  /** Its index in results: the position of its token in the response that created the project. */
  readonly index: number;
  readonly updateToken: string;
  readonly state: PartyState;
  /** Its newest upload. */
  readonly upload: Upload | undefined;
}

export interface Upload {
  readonly receiptToken: string;
  readonly state: UploadState;
  /** The number of records; 0 as long as it is unknown. */
  readonly recordCount: number;
  readonly blockCount: number;
  /** Bytes in an encoding of this upload. */
  readonly encodingSize: number | undefined;
  /** The object that holds the encodings, if the store keeps them in objects. At most 64 characters. */
  readonly file: string | undefined;
  readonly timeAdded: Date;
}
