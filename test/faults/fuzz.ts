import { runFuzz } from "../celery/fuzz/fuzz.js";

/** The maximum number of messages sent to one pair of workers. */
const PART = 500;

/**
 * Sends odd messages to our worker and to one of the newest Celery; prints one line of JSON per part. Returns the
 * number of problems.
 */
export async function fuzz(messages: number, seed: number): Promise<number> {
  let failed = 0;
  for (let sent = 0; sent < messages; sent += PART) {
    const outcome = await runFuzz("newest", seed + sent, Math.min(PART, messages - sent));
    console.log(JSON.stringify(outcome));
    failed += outcome.problems.length;
  }
  return failed;
}
