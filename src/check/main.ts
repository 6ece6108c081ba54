import { closeThreads } from "../library/node.js";
import { ApiClient } from "./api-client.js";
import { CheckedService } from "./checked-service.js";
import { CheckFailed, LeftOut } from "./expectations.js";
import { SUITES } from "./suites.js";

export interface CheckOptions {
  /** The REST API, with `/api/v1` and without a trailing slash. */
  readonly apiUrl: string;
  readonly suite: keyof typeof SUITES;
  /** For all checks together, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts the checks; the projects they have created are deleted nevertheless. */
  readonly signal: AbortSignal;
  /** Prints one line. */
  readonly print: (line: string) => void;
}

/**
 * Checks a service as a client, one check at a time, and prints a line for each; then deletes what was created.
 *
 * @returns whether all checks passed and everything was deleted
 */
export async function runChecks({ apiUrl, suite, timeoutMs, signal, print }: CheckOptions): Promise<boolean> {
  const say = (line: string) => print(withoutCodes(line));
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new CheckFailed(`the time of ${timeoutMs / 1000} seconds is over`)),
    timeoutMs,
  );
  const ending = AbortSignal.any([deadline.signal, signal]);
  const service = new CheckedService(new ApiClient(apiUrl, ending), ending);
  const counts = { passed: 0, failed: 0, leftOut: 0 };
  try {
    for (const check of SUITES[suite]) {
      if (signal.aborted) break;
      const start = performance.now();
      const seconds = () => `${((performance.now() - start) / 1000).toFixed(2)} s`;
      try {
        ending.throwIfAborted();
        await check.run(service);
        counts.passed++;
        say(`✔ ${check.name} (${seconds()})`);
      } catch (error) {
        if (error instanceof LeftOut) {
          counts.leftOut++;
          say(`– ${check.name}: ${error.message}`);
        } else {
          counts.failed++;
          say(`✘ ${check.name} (${seconds()}): ${messageOf(error)}`);
        }
      }
    }
  } finally {
    clearTimeout(timer);
    closeThreads();
  }
  const isTidy = await tidyUp(service, say);
  const { passed, failed, leftOut } = counts;
  say(`${passed} passed, ${failed} failed${leftOut === 0 ? "" : `, ${leftOut} left out`}`);
  return failed === 0 && isTidy && !signal.aborted;
}

async function tidyUp(service: CheckedService, say: (line: string) => void): Promise<boolean> {
  try {
    const count = await service.deleteAll();
    say(`deleted ${count} project${count === 1 ? "" : "s"}`);
    return true;
  } catch (error) {
    say(`✘ what was made is deleted: ${messageOf(error)}`);
    return false;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof CheckFailed || error.message === "interrupted"
    ? error.message
    : `${error.name}: ${error.message}`;
}

/** Removes ids and tokens, which must not be logged, from any message. */
function withoutCodes(line: string): string {
  return line.replace(/\s+/g, " ").replace(/[0-9a-f]{48}/g, "…");
}
