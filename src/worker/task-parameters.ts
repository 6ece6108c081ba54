import { describeValue } from "../core/errors.js";
import { ServiceError } from "../linkage/errors.js";

/** The arguments by name, with unchecked values. */
export type TaskParameters = Readonly<Record<string, unknown>>;

/** @throws ServiceError `invalid-arguments` unless the argument is a string that is not empty */
export function readText(parameters: TaskParameters, name: string): string {
  const value = parameters[name];
  if (typeof value === "string" && value !== "") return value;
  throw wrongArgument(name, "a non-empty string", value);
}

/** @throws ServiceError `invalid-arguments` unless the argument is a list of strings */
export function readTexts(parameters: TaskParameters, name: string): readonly string[] {
  const value = parameters[name];
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
  throw wrongArgument(name, "a list of strings", value);
}

/** @throws ServiceError `invalid-arguments` unless the argument is a list of record counts, 0 to 2³² − 1 each */
export function readCounts(name: string, value: unknown): readonly number[] {
  if (Array.isArray(value) && value.every(isCount)) return value;
  throw wrongArgument(name, "a list of record counts", value);
}

/** @throws ServiceError `invalid-arguments` unless the argument is a record count, 0 to 2³² − 1 */
export function readCount(parameters: TaskParameters, name: string): number {
  const value = parameters[name];
  if (isCount(value)) return value;
  throw wrongArgument(name, "a number of records", value);
}

export function wrongArgument(name: string, expected: string, value: unknown): ServiceError {
  const received = describeValue(value);
  const message = `${name} must be ${expected}, not ${received}.`;
  return new ServiceError("invalid-arguments", message, { subject: name, expected, received });
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}
