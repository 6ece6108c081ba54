import { Readable } from "node:stream";
import { checkMayReadResults } from "../../linkage/authorize.js";
import type { Database } from "../../linkage/database.js";
import { authorizeDownload } from "../../linkage/external-upload.js";
import { missingObject } from "../../linkage/object-names.js";
import type { ObjectStore, SharedObjects } from "../../linkage/object-store.js";
import { readResult } from "../../linkage/read-result.js";
import { authorizeRun, type Call, type Handlers } from "../call.js";
import type { ResponseBody } from "../openapi.js";
import { similarityScoresJson } from "../similarity-scores-json.js";

/** The results of runs. */
export function resultRoutes(
  database: Database,
  objects: Pick<ObjectStore, "get" | "byteLengthOf">,
  downloadBucket: SharedObjects | undefined,
): Handlers<"getRunResult"> {
  return {
    async getRunResult(call) {
      const { run, ...access } = await authorizeRun(call, database, "result", "receipt");
      checkMayReadResults(access);
      const result = await readResult(database, access, run);
      switch (result.kind) {
        case "similarity_scores":
          // Only the header's presence counts; it may be empty.
          if ("return-object-store-address" in call.headers) {
            const { credentials, ...object } = await authorizeDownload(downloadBucket, result.file);
            call.body = { credentials: { ...credentials }, object } satisfies ResponseBody<
              "getRunResult",
              200
            >;
            return;
          }
          // Checked while another answer can still be sent.
          if ((await objects.byteLengthOf(result.file)) === undefined) throw missingObject(result.file);
          return sendScores(call, objects, result.file);
        case "groups":
          return sendJson(call, `{"groups": ${result.json}}`);
        case "mask":
          return sendJson(call, `{"mask": ${result.json}}`);
        case "permutation":
          return sendJson(call, `{"permutation": ${result.json}, "rows": ${result.rows}}`);
      }
    },
  };
}

/** Sends the scores as they are read, no faster than the client receives them. */
function sendScores(call: Call, objects: Pick<ObjectStore, "get">, file: string): void {
  const stopped = new AbortController();
  call.res.once("close", () => stopped.abort());
  const source = objects.get(file, undefined, stopped.signal);
  call.body = Readable.from(similarityScoresJson(source), { objectMode: false });
  call.type = "application/json";
}

function sendJson(call: Call, json: string): void {
  call.body = json;
  call.type = "application/json";
}
