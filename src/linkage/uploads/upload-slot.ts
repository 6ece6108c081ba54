import { LinkageError } from "../../core/errors.js";
import { authorize } from "../authorize.js";
import { ServiceError, type ServiceErrorCode } from "../errors.js";
import type { Dataprovider, Project } from "../project.js";
import { randomCode } from "../random-code.js";
import { BrokenBody } from "./incoming-body.js";
import { LEASE_SECONDS, UploadLease } from "./upload-lease.js";
import type { UploadOptions, UploadRequest, UploadStores } from "./upload-stores.js";
import { describeProblem } from "./wrong-rows.js";

/** An upload that holds its party's upload slot. */
export interface UploadSlot {
  readonly project: Project;
  readonly party: Dataprovider;
  readonly receiptToken: string;
  /** Aborts if the upload must stop: the caller asks for it, its lease is lost, or its project was deleted. */
  readonly signal: AbortSignal;
}

/** Errors caused by the client: they leave the party in the state that the request specifies. */
const REFUSALS: ReadonlySet<ServiceErrorCode> = new Set(["forbidden", "invalid-request", "feature-disabled"]);

/**
 * Claims a party's upload slot and performs an upload; if that fails, releases the slot.
 *
 * @param leaseSeconds how long the upload's lease lasts without renewal
 * @param stateWhenRefused the party's state after a refusal, or if the client disconnects
 * @param work stores and finishes the upload; if it rejects, it must leave nothing stored
 * @throws ServiceError `forbidden` for a wrong token or project, or if the party may not upload now; errors of `work`,
 *   with the library's converted to `invalid-request` and the body's unchanged
 */
export async function withUploadSlot<T>(
  stores: UploadStores,
  { leaseSeconds = LEASE_SECONDS }: Pick<UploadOptions, "leaseSeconds">,
  request: UploadRequest,
  stateWhenRefused: "not_started" | "error",
  work: (slot: UploadSlot) => Promise<T>,
): Promise<T> {
  const { database, cache, encodings } = stores;
  const access = await authorize(database, request.projectId, request.updateToken, ["update"]);
  const party = access.party!;
  const receiptToken = randomCode();
  const isWanted = async () => (await database.findProject(request.projectId)) !== undefined;
  const lease = await UploadLease.take(cache, receiptToken, leaseSeconds, isWanted, request.signal);
  try {
    await claimSlot(stores, party, receiptToken, leaseSeconds);
    try {
      // Left by an earlier upload that failed or was interrupted.
      if (party.upload !== undefined) await encodings.remove(party.id, party.upload.receiptToken);
      return await work({ project: access.project, party, receiptToken, signal: lease.signal });
    } catch (error) {
      const problem = lease.signal.aborted ? lease.signal.reason : problemOf(error);
      const isRefusal =
        error instanceof BrokenBody ||
        request.signal?.aborted ||
        (problem instanceof ServiceError && REFUSALS.has(problem.code));
      const state = isRefusal ? stateWhenRefused : "error";
      // If the database is down too, the slot becomes free when the lease expires.
      await database.dropUpload(party.id, receiptToken, state).catch(() => {});
      throw problem;
    }
  } finally {
    await lease.release();
  }
}

async function claimSlot(
  { database, cache, encodings }: UploadStores,
  party: Dataprovider,
  receiptToken: string,
  leaseSeconds: number,
): Promise<void> {
  const file = encodings.fileOf(receiptToken);
  if (await database.beginUpload(party.id, receiptToken, file)) return;
  const { upload } = party;
  if (
    // A pending upload of this age without a lease was interrupted by a crash.
    party.state === "in_progress" &&
    upload?.state === "pending" &&
    Date.now() - upload.timeAdded.getTime() > 1000 * leaseSeconds &&
    !(await cache.isUploadHeld(upload.receiptToken)) &&
    (await database.takeOverUpload(party.id, upload.receiptToken, receiptToken, file))
  ) {
    return;
  }
  const reason = party.state === "done" ? "was already used" : "is in use by an upload in progress";
  throw new ServiceError("forbidden", `Access denied: the update token ${reason}.`);
}

/** The library's errors are about the client's data; those of a body are passed on. */
function problemOf(error: unknown): unknown {
  if (error instanceof BrokenBody) return error.cause;
  if (!(error instanceof LinkageError) || error instanceof ServiceError) return error;
  return new ServiceError("invalid-request", describeProblem(error), { subject: error.subject ?? "upload" });
}
