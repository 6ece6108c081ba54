import { LinkageError } from "../../core/errors.js";
import { authorize } from "../authorize.js";
import { ServiceError, type ServiceErrorCode } from "../errors.js";
import type { Dataprovider, Project } from "../project.js";
import { randomCode } from "../random-code.js";
import { BrokenBody } from "./incoming-body.js";
import { LEASE_SECONDS, UploadLease } from "./upload-lease.js";
import type { UploadOptions, UploadRequest, UploadStores } from "./upload-stores.js";
import { describeRowProblems } from "./wrong-rows.js";

/** A party's turn to upload, while it has it. */
export interface UploadTurn {
  readonly project: Project;
  readonly party: Dataprovider;
  readonly receiptToken: string;
  /** Aborts when the upload must end: the caller wishes it, its lease is lost, or its project was deleted. */
  readonly signal: AbortSignal;
}

/** Errors that are the client's: after them the party is where the request says. */
const REFUSALS: ReadonlySet<ServiceErrorCode> = new Set(["forbidden", "invalid-request", "feature-disabled"]);

/**
 * Takes a party's turn, does an upload, and, where that fails, gives the turn back.
 *
 * @param leaseSeconds how long the upload counts as alive after it has last said so
 * @param stateWhenRefused what the party is left in by a refusal, or when the client is gone
 * @param work stores the upload and finishes it; where it rejects, it must leave nothing stored
 * @throws ServiceError `forbidden` for a wrong token or project, or where it is not the party's turn; what `work` throws,
 *   the library's errors as `invalid-request`, the body's as they are
 */
export async function inTurn<T>(
  stores: UploadStores,
  { leaseSeconds = LEASE_SECONDS }: Pick<UploadOptions, "leaseSeconds">,
  request: UploadRequest,
  stateWhenRefused: "not_started" | "error",
  work: (turn: UploadTurn) => Promise<T>,
): Promise<T> {
  const { database, cache, encodings } = stores;
  const access = await authorize(database, request.projectId, request.updateToken, ["update"]);
  const party = access.party!;
  const receiptToken = randomCode();
  const isWanted = async () => (await database.findProject(request.projectId)) !== undefined;
  const lease = await UploadLease.take(cache, receiptToken, leaseSeconds, isWanted, request.signal);
  try {
    await takeTurn(stores, party, receiptToken, leaseSeconds);
    try {
      // What an earlier upload left, which failed or was broken off.
      if (party.upload !== undefined) await encodings.remove(party.id, party.upload.receiptToken);
      return await work({ project: access.project, party, receiptToken, signal: lease.signal });
    } catch (error) {
      const problem = lease.signal.aborted ? lease.signal.reason : problemOf(error);
      const isRefusal =
        error instanceof BrokenBody ||
        request.signal?.aborted ||
        (problem instanceof ServiceError && REFUSALS.has(problem.code));
      const state = isRefusal ? stateWhenRefused : "error";
      // Where the database is away, too, the turn is free when the lease has ended.
      await database.dropUpload(party.id, receiptToken, state).catch(() => {});
      throw problem;
    }
  } finally {
    await lease.release();
  }
}

async function takeTurn(
  { database, cache, encodings }: UploadStores,
  party: Dataprovider,
  receiptToken: string,
  leaseSeconds: number,
): Promise<void> {
  const file = encodings.fileOf(receiptToken);
  if (await database.beginUpload(party.id, receiptToken, file)) return;
  const { upload } = party;
  if (
    // One of that age that nobody holds was broken off by a crash.
    party.state === "in_progress" &&
    upload?.state === "pending" &&
    Date.now() - upload.timeAdded.getTime() > 1000 * leaseSeconds &&
    !(await cache.isUploadHeld(upload.receiptToken)) &&
    (await database.takeOverUpload(party.id, upload.receiptToken, receiptToken, file))
  ) {
    return;
  }
  const received = party.state === "done" ? "one that was used" : "one whose upload is in progress";
  throw new ServiceError("forbidden", "update token", "one that was not used yet", received);
}

/** The library's errors are about what the client sent; those of a body are passed on. */
function problemOf(error: unknown): unknown {
  if (error instanceof BrokenBody) return error.cause;
  if (!(error instanceof LinkageError)) return error;
  const { subject, expected, received } = describeRowProblems(error);
  return new ServiceError("invalid-request", subject, expected, received);
}
