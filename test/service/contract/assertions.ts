import type { ExecutionContext } from "ava";
import type { Answer, Problem } from "../client.js";

/** A token or id. */
export const CODE = /^[0-9a-f]{48}$/;

/** A UTC time in ISO 8601, without a time zone. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/;
/** The largest difference between a recent time and now. */
const NOW_MS = 10 * 60_000;

/** Asserts that an answer is a refusal in the form of `application/problem+json`. */
export function isProblem(t: ExecutionContext, answer: Answer, status: number): Problem {
  t.is(answer.status, status, answer.text);
  t.regex(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem = answer.json<Problem>();
  t.is(problem.status, status);
  for (const key of ["type", "title", "detail"] as const) t.is(typeof problem[key], "string", key);
  t.not(problem.title, "");
  return problem;
}

/** Asserts that a time is within minutes of now. */
export function isRecentTime(t: ExecutionContext, time: unknown): void {
  t.regex(String(time), TIME);
  const ago = Date.now() - Date.parse(`${time}Z`);
  t.true(Math.abs(ago) < NOW_MS, `${time} is ${ago} ms ago`);
}
