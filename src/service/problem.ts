import { STATUS_CODES } from "node:http";
import createError from "http-errors";
import { ServiceError, type ServiceErrorCode } from "../linkage/errors.js";

/** A problem document, as defined by RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** A refusal by the service itself; its detail is sent to the client. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";

  constructor(
    readonly status: number,
    detail: string,
    readonly title: string = STATUS_CODES[status] ?? "Error",
  ) {
    super(detail);
  }
}

/** What clients get for each code. Codes without a status are internal failures, whose details clients do not get. */
const STATUSES: Readonly<Record<ServiceErrorCode, { status: number; title?: string } | undefined>> = {
  "invalid-request": { status: 400 },
  forbidden: { status: 403 },
  "not-ready": { status: 404 },
  "run-failed": { status: 500 },
  "project-failed": { status: 500 },
  "feature-disabled": { status: 500, title: "Feature Disabled" },
  "invalid-arguments": undefined,
  "missing-encodings": undefined,
  "invalid-encodings": undefined,
  "missing-object": undefined,
  "store-failed": undefined,
};

/** Drivers' error codes for servers that are unreachable, and for lost connections. */
const OUT_OF_REACH = new Set([
  ...[
    "ECONNREFUSED",
    "ECONNRESET",
    "EPIPE",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "EAI_AGAIN",
  ],
  // PostgreSQL: connection failures, too many connections, shutting down, starting up.
  ...["08000", "08001", "08003", "08004", "08006", "53300", "57P01", "57P02", "57P03"],
]);

/** Converts whatever was thrown to the document that the client gets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof HttpProblem) return problem(error.status, error.message, error.title);
  if (error instanceof ServiceError) {
    const known = STATUSES[error.code];
    if (known !== undefined) return problem(known.status, error.message, known.title);
  }
  // Client errors reported by libraries, whose messages may quote a body.
  if (createError.isHttpError(error) && error.status < 500)
    return problem(error.status, refusal(error.status));
  if (isOutOfReach(error)) return problem(503, "A store of the service is out of reach. Try again later.");
  return problem(500, "The service has failed. Its log says more, under the id in the header X-Request-Id.");
}

/** Whether an error is a deliberate refusal or the client's fault; all others are logged with a stack trace. */
export function isExpected(error: unknown): boolean {
  if (error instanceof ServiceError) return STATUSES[error.code] !== undefined;
  if (error instanceof HttpProblem) return true;
  return problemOf(error).status < 500;
}

export function problem(status: number, detail: string, title = STATUS_CODES[status] ?? "Error"): Problem {
  return { type: "about:blank", title, status, detail };
}

/** The detail of a refusal if only its status is known. */
export function refusal(status: number): string {
  switch (status) {
    case 400:
      return "The request cannot be read.";
    case 404:
      return "There is no such path.";
    case 405:
      return "This path does not take this method.";
    case 413:
      return "The body is too large.";
    case 415:
      return "The body is of a type that this call does not take.";
    default:
      return STATUS_CODES[status] ?? "The request is refused.";
  }
}

function isOutOfReach(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string" && OUT_OF_REACH.has(code)) return true;
    if (at instanceof AggregateError && at.errors.some(isOutOfReach)) return true;
  }
  return false;
}
