import { LinkageError } from "../core/errors.js";
import type { UploadDatabase } from "../linkage/database.js";
import { isPermanent, ServiceError } from "../linkage/errors.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import type { ExternalFile } from "../linkage/uploads/external-files.js";
import type { AcceptedUpload } from "../linkage/uploads/store-upload.js";
import { readText, type TaskParameters, wrongArgument } from "./task-parameters.js";

/** Errors that are the uploading party's fault: a retry cannot help. */
const FINAL_CODES: ReadonlySet<string> = new Set(["forbidden", "invalid-request", "feature-disabled"]);

/**
 * Makes an upload's task mark the upload as in error when the task itself has failed for good: its sender may not have
 * set an error callback, and the Python service sets none for JSON.
 */
export function failUploadAtLast(
  uploads: Pick<UploadDatabase, "failUpload" | "findUpload">,
  definition: TaskDefinition,
): TaskDefinition {
  return {
    ...definition,
    async run(parameters, context) {
      const upload = readUpload(parameters);
      try {
        return await definition.run(parameters, context);
      } catch (problem) {
        const error = asFinal(problem);
        const isLast = context.isLastTry === true || isPermanent(error);
        if (isLast && !context.signal?.aborted) await failUpload(uploads, upload);
        throw error;
      }
    },
  };
}

/** Marks an upload and its party as in error, unless it was stored after all, or the party has begun another one. */
export async function failUpload(
  uploads: Pick<UploadDatabase, "failUpload" | "findUpload">,
  { dataproviderId, receiptToken }: Omit<AcceptedUpload, "projectId">,
): Promise<boolean> {
  const known = await uploads.findUpload(dataproviderId);
  const isOver =
    known?.state === "ready" || (known?.state === "pending" && known.receiptToken !== receiptToken);
  if (isOver) return false;
  await uploads.failUpload(dataproviderId, receiptToken);
  return true;
}

/** @throws ServiceError `invalid-arguments` */
export function readUpload(parameters: TaskParameters): AcceptedUpload {
  const { dp_id: dataproviderId } = parameters;
  if (!Number.isInteger(dataproviderId) || (dataproviderId as number) < 1) {
    throw wrongArgument("dp_id", "the id of a party", dataproviderId);
  }
  return {
    projectId: readText(parameters, "project_id"),
    dataproviderId: dataproviderId as number,
    receiptToken: readText(parameters, "receipt_token"),
  };
}

/** @throws ServiceError `invalid-arguments` */
export function readFile(parameters: TaskParameters, name: string): ExternalFile {
  const value = parameters[name];
  if (typeof value === "object" && value !== null) {
    const { bucket, path } = value as Record<string, unknown>;
    if (typeof bucket === "string" && typeof path === "string") return { bucket, path };
  }
  throw wrongArgument(name, '{"bucket": string, "path": string}', value);
}

/** Makes errors in the data permanent, so that the task is not retried. */
function asFinal(error: unknown): unknown {
  if (!(error instanceof LinkageError)) return error;
  if (error instanceof ServiceError && !FINAL_CODES.has(error.code)) return error;
  return new ServiceError("invalid-arguments", error.message, { subject: error.subject ?? "upload" });
}
