import type { Dataprovider } from "./project.js";

/** The progress of a project's uploads. */
export interface UploadProgress {
  /** Parties whose uploads were accepted. */
  readonly partiesContributed: number;
  /** Whether an upload is unusable; no run can succeed until its party has uploaded again. */
  readonly hasError: boolean;
  /** Whether all parties' encodings are stored. */
  readonly isComplete: boolean;
}

/** @param parties all of the project's */
export function uploadProgress(parties: readonly Dataprovider[]): UploadProgress {
  return {
    partiesContributed: parties.filter(({ state }) => state === "done").length,
    hasError: parties.some(({ state, upload }) => state === "error" || upload?.state === "error"),
    isComplete: parties.every(({ state, upload }) => state === "done" && upload?.state === "ready"),
  };
}
