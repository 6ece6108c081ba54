import { receiveBinaryUpload } from "../../linkage/uploads/receive-binary-upload.js";
import { receiveJsonUpload } from "../../linkage/uploads/receive-json-upload.js";
import type {
  BinaryUploadRequest,
  UploadOptions,
  UploadReceipt,
  UploadStores,
} from "../../linkage/uploads/upload-stores.js";
import { type Call, type Handlers, tokenOf } from "../call.js";
import type { ServiceMetrics } from "../metrics.js";
import type { ResponseBody } from "../openapi.js";
import { HttpProblem } from "../problem.js";
import { announcedLength, checkUploadHeaders, uploadBody } from "../upload-body.js";

const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/octet-stream";

export interface UploadRouteOptions {
  readonly uploads: Omit<UploadOptions, "onUnsent">;
  /** Maximum bytes of a body, after decompression. */
  readonly maxBodyByteLength: number;
  /** How long a body may stall, in milliseconds. */
  readonly bodyIdleMs: number;
  readonly metrics: ServiceMetrics;
}

/** Uploads in the body of the request, as JSON or in binary. */
export function uploadRoutes(
  stores: UploadStores,
  { uploads, maxBodyByteLength, bodyIdleMs, metrics }: UploadRouteOptions,
): Handlers<"uploadClks" | "uploadBinaryClks"> {
  /** Receives a body of one of the types that the call accepts. */
  const receive = async (
    call: Call,
    types: readonly string[],
    stateWhenRefused: BinaryUploadRequest["stateWhenRefused"],
  ) => {
    const type = contentType(call, types);
    checkUploadHeaders(call, maxBodyByteLength);
    const request = { projectId: call.params["project_id"]!, updateToken: tokenOf(call) };
    const options: UploadOptions = {
      ...uploads,
      onUnsent: (error) => call.state.log.error({ err: error }, "runs of a complete project not started"),
    };
    const body = uploadBody(call, {
      maxByteLength: maxBodyByteLength,
      idleMs: bodyIdleMs,
      onBytes: (byteLength) => metrics.uploadBytes(byteLength),
    });
    let receipt: UploadReceipt;
    try {
      receipt =
        type === JSON_TYPE
          ? await receiveJsonUpload(stores, options, request, body)
          : await receiveBinaryUpload(
              stores,
              options,
              {
                ...request,
                hashCount: header(call, "hash-count"),
                hashSize: header(call, "hash-size"),
                bodyByteLength: announcedLength(call),
                stateWhenRefused,
              },
              body,
            );
    } catch (error) {
      metrics.uploadDone("refused", 0);
      throw error;
    }
    call.state.projectId = request.projectId;
    metrics.uploadDone("accepted", receipt.recordCount ?? 0);
    call.status = 201;
    call.body = {
      message: "Updated",
      receipt_token: receipt.receiptToken,
      ...(receipt.recordCount === undefined ? {} : { row_count: receipt.recordCount }),
      ...(receipt.sha256 === undefined ? {} : { sha256: receipt.sha256 }),
    } satisfies ResponseBody<"uploadClks", 201>;
  };

  return {
    uploadClks: (call) => receive(call, [JSON_TYPE, BINARY_TYPE], "not_started"),
    uploadBinaryClks: (call) => receive(call, [BINARY_TYPE], "error"),
  };
}

/** @throws HttpProblem 400 without a body, 415 for another type */
function contentType(call: Call, types: readonly string[]): string {
  const type = call.is([...types]);
  if (type === null) throw new HttpProblem(400, "A body with encodings is required.");
  if (type === false) throw new HttpProblem(415, `Content-Type must be ${types.join(" or ")}.`);
  return type;
}

function header(call: Call, name: string): string | undefined {
  return call.get(name) || undefined;
}
