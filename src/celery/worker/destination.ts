import { runInNewContext } from "node:vm";
import type { ControlMessage } from "./pidbox.js";

/** Longer patterns match nothing. */
const MAX_PATTERN_LENGTH = 1000;
/** Patterns that take longer match nothing: some take exponential time. */
const MAX_MATCHING_MS = 50;

/** Whether a command is for the node: by name, else by pattern; without either, it is for all. */
export function isFor(
  hostname: string,
  message: Pick<ControlMessage, "destination" | "pattern" | "matcher">,
): boolean {
  const { destination, pattern, matcher } = message;
  if (destination.length > 0) return destination.includes(hostname);
  if (pattern && matcher) return matchesPattern(hostname, pattern, matcher);
  return true;
}

/**
 * Whether a node's name matches a pattern.
 *
 * @param matcher `glob`, which matches the whole name, or `pcre`, Python's regular expressions, which match at its
 * start; other matchers and invalid patterns match nothing
 */
export function matchesPattern(hostname: string, pattern: unknown, matcher: unknown): boolean {
  if (typeof pattern !== "string" || pattern.length > MAX_PATTERN_LENGTH) return false;
  const expression =
    matcher === "glob"
      ? { source: globSource(pattern), flags: "s" }
      : matcher === "pcre"
        ? fromPython(pattern)
        : undefined;
  if (expression === undefined) return false;
  try {
    const sandbox = { ...expression, hostname };
    const code = "new RegExp(source, flags).test(hostname)";
    return runInNewContext(code, sandbox, { timeout: MAX_MATCHING_MS }) === true;
  } catch {
    return false;
  }
}

/** A shell pattern as a regular expression: `*`, `?`, `[seq]`, `[!seq]`. */
function globSource(pattern: string): string {
  const source = pattern.replace(
    /\*+|\?|\[(!?)(\]?[^\]]*)\]|./gs,
    (token, negation: string, members: string) => {
      if (token.startsWith("*")) return ".*";
      if (token === "?") return ".";
      if (members === undefined) return token.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
      return `[${negation === "!" ? "^" : ""}${members.replace(/[\\\]^[]/g, "\\$&")}]`;
    },
  );
  return `^(?:${source})$`;
}

/** Converts a Python regular expression, to be matched as `re.match` does. */
function fromPython(pattern: string): { source: string; flags: string } {
  const [prefix = "", letters = ""] = /^\(\?([aimsu]+)\)/.exec(pattern) ?? [];
  const source = pattern
    .slice(prefix.length)
    .replace(/\\.|\(\?P<|\(\?P=(\w+)\)/gs, (token, name: string | undefined) => {
      if (name !== undefined) return `\\k<${name}>`;
      if (token === "(?P<") return "(?<";
      return token === "\\A" ? "(?<![\\s\\S])" : token === "\\Z" ? "(?![\\s\\S])" : token;
    });
  const flags = [...new Set(letters)].filter((letter) => "ims".includes(letter)).join("");
  return { source, flags: `${flags}y` };
}
