import type { Database } from "../../linkage/database.js";
import { authorizeExternalUpload, disabled } from "../../linkage/external-upload.js";
import type { SharedObjects } from "../../linkage/object-store.js";
import { authorize, type Handlers } from "../call.js";
import type { ResponseBody } from "../openapi.js";

/** Issues credentials to parties that upload files to an object store themselves. */
export function externalUploadRoutes(
  database: Pick<Database, "findProject" | "listDataproviders">,
  bucket: SharedObjects | undefined,
): Handlers<"authorizeExternalUpload"> {
  return {
    async authorizeExternalUpload(call) {
      if (bucket === undefined) throw disabled("Uploads through an object store"); // regardless of the caller
      const access = await authorize(call, database, "update");
      const { credentials, ...upload } = await authorizeExternalUpload(bucket, access);
      call.status = 201;
      call.body = { credentials: { ...credentials }, upload } satisfies ResponseBody<
        "authorizeExternalUpload",
        201
      >;
    },
  };
}
