/** What the parties of a project get to see. */
export type ResultType = "groups" | "permutations" | "similarity_scores";

/** `in_progress`: an upload is under way. `error`: the upload that came cannot be used; the party may try again. */
export type PartyState = "not_started" | "in_progress" | "done" | "error";

/** `pending` while its encodings are being stored, `ready` once all are there. */
export type UploadState = "pending" | "ready" | "error";

/** A project, as it was asked for. */
export interface ProjectDescription {
  /** 48 hexadecimal characters, as all ids and tokens. */
  readonly projectId: string;
  /** Whoever has it may start runs, read results and delete the project. */
  readonly resultToken: string;
  readonly resultType: ResultType;
  /** The linkage schema, as the client sent it; `clkConfig.l` may name the bits of an encoding. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly notes: string;
  /** 2 or more. */
  readonly partyCount: number;
  readonly usesBlocking: boolean;
}

export interface Project extends ProjectDescription {
  readonly timeAdded: Date;
  /** Bytes in an encoding, once all parties' uploads were found to agree. */
  readonly encodingSize: number | undefined;
}

/** A party's place in a project. */
export interface Dataprovider {
  /** A positive whole number of 31 bits. */
  readonly id: number;
  /** Its index in results: the position of its token in the answer that made the project. */
  readonly index: number;
  readonly updateToken: string;
  readonly state: PartyState;
  /** Its newest upload. */
  readonly upload: Upload | undefined;
}

export interface Upload {
  readonly receiptToken: string;
  readonly state: UploadState;
  /** Rows; 0 as long as that is not known. */
  readonly recordCount: number;
  readonly blockCount: number;
  /** Bytes in an encoding, as the upload has them. */
  readonly encodingSize: number | undefined;
  /** The object that holds the encodings, where a store keeps them in objects. At most 64 characters. */
  readonly file: string | undefined;
  readonly timeAdded: Date;
}
