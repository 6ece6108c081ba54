import type { ExecutionContext } from "ava";
import type { Answer, Problem } from "../client.js";

/** A token or id. */
export const CODE = /^[0-9a-f]{48}$/;

/** A time of UTC, in ISO 8601, without a zone. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/;
/** How far a time that has just passed may be away. */
const NOW_MS = 10 * 60_000;

/** A refusal, told as `application/problem+json` tells it. */
export function isProblem(t: ExecutionContext, answer: Answer, status: number): Problem {
  t.is(answer.status, status, answer.text);
  t.regex(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem = answer.json<Problem>();
  t.is(problem.status, status);
  for (const key of ["type", "title", "detail"] as const) t.is(typeof problem[key], "string", key);
  t.not(problem.title, "");
  return problem;
}

/** A time of the last minutes. */
export function isRecentTime(t: ExecutionContext, time: unknown): void {
  t.regex(String(time), TIME);
  const ago = Date.now() - Date.parse(`${time}Z`);
  t.true(Math.abs(ago) < NOW_MS, `${time} is ${ago} ms ago`);
}
