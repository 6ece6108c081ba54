import type { Client } from "minio";
import { ServiceError } from "../../linkage/errors.js";

/** How many objects are checked for incomplete uploads at the same time. */
const ABREAST = 8;

/**
 * Removes objects, and the parts that incomplete uploads of them have left. Such parts are invisible, but take up space
 * until the server drops them, which some servers never do.
 *
 * @throws ServiceError `store-failed` if the server does not remove an object; the driver's errors
 */
export async function removeObjects(client: Client, bucket: string, names: readonly string[]): Promise<void> {
  const failures = await client.removeObjects(bucket, [...names]);
  for (const failure of failures) {
    if (failure === null || failure === undefined) continue;
    // The driver's types nest the error one level deeper than it is.
    const { Code: code } = failure as { Code?: string; Error?: unknown };
    if (code === "NoSuchKey") continue;
    throw new ServiceError(
      "store-failed",
      `The object store did not remove all files: ${code ?? "it reported an error"}.`,
    );
  }
  const rest = names.values();
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      for (const name of rest) await abortUploads(client, bucket, name);
    }),
  );
}

async function abortUploads(client: Client, bucket: string, name: string): Promise<void> {
  for (;;) {
    const uploadId = await client.findUploadId(bucket, name);
    if (uploadId === undefined) return;
    await client.abortMultipartUpload(bucket, name, uploadId);
  }
}
