import { cutText } from "./cut-text.js";
import { TaskFailure } from "./task-errors.js";

const SECONDS_OF: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
]);

/**
 * Parses a Celery rate limit: `100/m`, `2/h`, `0.5/s`; a number alone is per second.
 *
 * @returns tasks per second; 0 for no limit
 * @throws TaskFailure ValueError for an invalid rate, KeyError for an unknown unit
 */
export function parseRate(rate: unknown): number {
  if (rate === null || rate === undefined || rate === "") return 0;
  const [count = "", unit = "s"] = String(rate).split("/", 2);
  const text = count.trim();
  const seconds = SECONDS_OF.get(unit === "" ? "s" : unit);
  if (seconds === undefined) throw new TaskFailure("KeyError", [unit]);
  if (!/^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(Number(text))) {
    throw new TaskFailure("ValueError", [`could not convert string to float: '${cutText(text, 80)}'`]);
  }
  return Number(text) / seconds;
}
