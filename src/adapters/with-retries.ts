import pRetry from "p-retry";

export interface RetryOptions {
  /** How long to keep retrying, in milliseconds, counted from the first attempt. Default: 120,000. */
  readonly maxRetryTimeMs?: number;
  /** Shortest delay before the second attempt, in milliseconds; doubles each time, up to 5 seconds. Default: 500. */
  readonly firstDelayMs?: number;
  /** Called after each failed attempt with a transient error. */
  readonly onRetry?: (error: Error, attempt: number) => void;
  readonly signal?: AbortSignal;
}

/** Keeps delays short, so that work resumes soon after a store recovers, however long it was down. */
const MAX_DELAY_MS = 5000;

/**
 * Retries an action, with exponential backoff and jitter, as long as its errors are transient.
 *
 * @param isTransient whether an error is transient, so that a retry may succeed
 * @throws the last error, or the signal's reason
 */
export function withRetries<T>(
  action: (attempt: number) => Promise<T>,
  isTransient: (error: unknown) => boolean,
  { maxRetryTimeMs = 120_000, firstDelayMs = 500, onRetry, signal }: RetryOptions = {},
): Promise<T> {
  return pRetry(action, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: firstDelayMs,
    maxTimeout: MAX_DELAY_MS,
    maxRetryTime: maxRetryTimeMs,
    randomize: true,
    shouldRetry: ({ error }) => isTransient(error),
    onFailedAttempt: ({ error, attemptNumber }) => {
      if (!signal?.aborted && isTransient(error)) onRetry?.(error, attemptNumber);
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "EPIPE",
]);

/** Whether the operating system reports that a connection was refused, lost or timed out. */
export function isNetworkError(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isNetworkError);
  return NETWORK_CODES.has(errorCode(error));
}

/** The `code` that Node and drivers set on errors; an empty string if there is none. */
export function errorCode(error: unknown): string {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}
