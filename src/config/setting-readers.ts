import { describeValue } from "../core/errors.js";

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An invalid setting. The message is a sentence; it never shows a password or a URL that may contain one. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "invalid-setting";
  /** The name of the environment variable. */
  readonly variable: string;

  /** @param message a sentence that names the variable */
  constructor(variable: string, message: string) {
    super(message);
    this.variable = variable;
  }
}

/** A host and a port. IPv6 addresses have no brackets. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface NumberLimits {
  readonly min: number;
  readonly max: number;
}

const YES = ["true", "1", "yes", "on"];
const NO = ["false", "0", "no", "off"];
const MAX_SHOWN_LENGTH = 60;

/** A string; a missing or empty variable has its default. */
export function readText(env: Environment, variable: string, fallback: string): string {
  return env[variable]?.trim() || fallback;
}

/** A password or key, used unchanged, including white space; empty if missing. */
export function readSecret(env: Environment, variable: string): string {
  return env[variable] ?? "";
}

/** true, false, 1, 0, yes, no, on or off; case-insensitive. */
export function readBoolean(env: Environment, variable: string, fallback: boolean): boolean {
  const text = readText(env, variable, String(fallback));
  if (YES.includes(text.toLowerCase())) return true;
  if (NO.includes(text.toLowerCase())) return false;
  throw invalid(variable, "true or false", text);
}

/** An integer, which may have underscores between digits, as in 500_000_000. */
export function readWhole(
  env: Environment,
  variable: string,
  fallback: number,
  { min, max }: NumberLimits,
): number {
  const text = readText(env, variable, String(fallback));
  const value = /^[+-]?\d+(_\d+)*$/.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalid(variable, `a whole number from ${min} to ${max}`, text);
}

/** A decimal number, such as 5, 0.5 or 1e3. */
export function readDecimal(
  env: Environment,
  variable: string,
  fallback: number,
  { min, max }: NumberLimits,
): number {
  const text = readText(env, variable, String(fallback));
  const value = /^\d[\d_]*(\.\d*)?(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalid(variable, `a number from ${min} to ${max}`, text);
}

/** `host`, `host:port` or `[IPv6 address]:port`. */
export function readHostAndPort(
  env: Environment,
  variable: string,
  fallbackHost: string,
  fallbackPort: number,
): HostAndPort {
  const text = readText(env, variable, fallbackHost);
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(parts?.[3] ?? fallbackPort);
  // Not shown, because an invalid host may be a URL with a password.
  if (parts === null || port < 1 || port > 65_535) {
    throw new ConfigError(variable, `${variable} must be a host or host:port, not ${describeValue(text)}.`);
  }
  return { host: parts[1] ?? parts[2]!, port };
}

function invalid(variable: string, expected: string, text: string): ConfigError {
  const received = text.length > MAX_SHOWN_LENGTH ? describeValue(text) : `"${text}"`;
  return new ConfigError(variable, `${variable} must be ${expected}, not ${received}.`);
}
