import { koaBody } from "koa-body";
import type { Call } from "./call.js";
import { continueBody } from "./expect-continue.js";
import type { OperationId, RequestBody } from "./openapi.js";
import { HttpProblem } from "./problem.js";
import { operationOf, validateBody } from "./validate.js";

/** Reads a small JSON body, and validates it against the OpenAPI document. */
export type JsonReader = <Id extends OperationId>(call: Call, id: Id) => Promise<RequestBody<Id>>;

/**
 * @param maxByteLength maximum bytes of a body, after decompression
 * @returns a reader that throws HttpProblem: 400 for a body that is not JSON or does not match the document, 413, 415
 */
export function jsonReader(maxByteLength: number): JsonReader {
  const parse = koaBody({
    jsonLimit: maxByteLength,
    multipart: false,
    urlencoded: false,
    text: false,
    onError: (error) => {
      // The parser's errors quote the body.
      throw isUnreadable(error) ? new HttpProblem(400, "The body must be JSON.") : error;
    },
  });
  return async <Id extends OperationId>(call: Call, id: Id) => {
    const type = call.is("json", "+json");
    if (type === null) throw new HttpProblem(400, "A body of JSON is required.");
    if (type === false) throw new HttpProblem(415, "Content-Type must be application/json.");
    if (Number(call.get("content-length")) > maxByteLength) throw tooLarge(maxByteLength);
    continueBody(call);
    await parse(call, async () => {}).catch((error: unknown) => {
      throw (error as { status?: unknown }).status === 413 ? tooLarge(maxByteLength) : error;
    });
    const body = call.request.body as RequestBody<Id>;
    validateBody(operationOf(id), body);
    return body;
  };
}

export function tooLarge(maxByteLength: number): HttpProblem {
  return new HttpProblem(413, `The body must have at most ${maxByteLength} bytes.`);
}

/** Whether a body is not JSON or, with a Content-Encoding, cannot be decompressed. */
function isUnreadable(error: unknown): boolean {
  const { status, code } = error as { status?: unknown; code?: unknown };
  return (
    error instanceof SyntaxError || status === 400 || (typeof code === "string" && code.startsWith("Z_"))
  );
}
