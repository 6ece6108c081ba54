import { LinkageError } from "../errors.js";

/** A JSON syntax error at a byte offset, counted from 0. */
export function jsonSyntaxError(offset: number, expected: string, received: string): LinkageError {
  const message = `Invalid JSON at byte ${offset}: expected ${expected} but found ${received}.`;
  const subject = `JSON at byte ${offset}`;
  return new LinkageError("invalid-dataset", message, { subject, expected, received });
}

/** Describes a byte without showing data: only JSON's own punctuation is shown. */
export function describeByte(byte: number): string {
  if (byte < 0x80 && '{}[]:,"\\'.includes(String.fromCharCode(byte))) return String.fromCharCode(byte);
  return `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
