import type { KeyOptions } from "./broker-keys.js";
import { parseLiteral } from "./python-literal.js";

/** A cluster's `broker_transport_options`; those that are not set are left out. */
export interface TransportOptions extends KeyOptions {
  readonly visibilityTimeoutSeconds?: number;
  readonly sentinelMaster?: string;
}

const KEYS = ["priority_steps", "sep", "global_keyprefix", "visibility_timeout", "master_name"];

/**
 * Parses the setting `CELERY_BROKER_TRANSPORT_OPTIONS`: those of Celery's `broker_transport_options` that decide how
 * messages are kept, in JSON or in Python's syntax: `{'priority_steps': [0, 5], 'sep': ':'}`.
 *
 * @param visibilityTimeoutSeconds the setting `CELERY_VISIBILITY_TIMEOUT_SECONDS`, if it is set
 * @throws TypeError with a one-sentence message
 */
export function parseTransportOptions(text: string, visibilityTimeoutSeconds?: number): TransportOptions {
  const given = text.trim() === "" ? {} : readObject(text);
  const unknown = Object.keys(given).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) fail(`the key ${quote(unknown)} is not one of ${KEYS.join(", ")}.`);
  const { priority_steps: steps, sep, global_keyprefix: prefix, master_name: master } = given;
  const timeout = given["visibility_timeout"] ?? visibilityTimeoutSeconds;
  if (steps !== undefined && !isSteps(steps)) {
    fail("priority_steps must be a list of different whole numbers from 0 to 255, such as [0, 3, 6, 9].");
  }
  for (const [key, value] of Object.entries({ sep, master_name: master })) {
    if (value !== undefined && (typeof value !== "string" || value === "")) {
      fail(`${key} must be a string that is not empty.`);
    }
  }
  if (prefix !== undefined && typeof prefix !== "string") fail("global_keyprefix must be a string.");
  if (timeout !== undefined && !isTimeout(timeout)) {
    fail("visibility_timeout must be a whole number of seconds from 1 to 2000000.");
  }
  if (visibilityTimeoutSeconds !== undefined && timeout !== visibilityTimeoutSeconds) {
    fail(
      `visibility_timeout is ${timeout}, but CELERY_VISIBILITY_TIMEOUT_SECONDS is ${visibilityTimeoutSeconds}: set one of them, or both to the same number.`,
    );
  }
  const options = {
    prioritySteps: steps,
    separator: sep,
    keyPrefix: prefix,
    visibilityTimeoutSeconds: timeout,
    sentinelMaster: master,
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as TransportOptions;
}

function readObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseLiteral(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  return fail("the value must be JSON or a Python literal such as {'visibility_timeout': 3600}.");
}

function isSteps(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size < value.length) return false;
  return value.every((step) => Number.isInteger(step) && step >= 0 && step <= 255);
}

function isTimeout(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 2_000_000;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function fail(problem: string): never {
  throw new TypeError(`CELERY_BROKER_TRANSPORT_OPTIONS: ${problem}`);
}
