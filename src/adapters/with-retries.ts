import pRetry from "p-retry";

export interface RetryOptions {
  /** How long to go on trying, in milliseconds, from the first try on. Default: 120,000. */
  readonly maxRetryTimeMs?: number | undefined;
  /** Wait before the second try, in milliseconds; each further wait is twice as long, up to a minute. Default: 500. */
  readonly firstDelayMs?: number | undefined;
  /** Called before each wait. */
  readonly onRetry?: ((error: Error, attempt: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MAX_DELAY_MS = 60_000;

/**
 * Does something again, after longer and longer random waits, as long as it fails for a reason that may pass.
 *
 * @param isTransient whether an error may pass
 * @throws the last error, or the reason of the signal
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

/** Whether a connection was refused, lost or timed out, as the operating system says it. */
export function isNetworkError(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isNetworkError);
  return NETWORK_CODES.has(errorCode(error));
}

/** The code that Node and the drivers give an error; empty if it has none. */
export function errorCode(error: unknown): string {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}
