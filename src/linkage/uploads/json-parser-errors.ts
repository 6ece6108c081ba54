import { type ParsedTokenInfo, TokenizerError, TokenType } from "@streamparser/json";
import { LinkageError } from "../../core/errors.js";
import { describeByte, jsonSyntaxError } from "../../core/json/json-syntax-error.js";

const VALUES = new Map([
  [TokenType.STRING, "a string"],
  [TokenType.NUMBER, "a number"],
  [TokenType.TRUE, "true"],
  [TokenType.FALSE, "false"],
  [TokenType.NULL, "null"],
]);

/** What the tokenizer expects within a token, by its state. */
const EXPECTED: readonly (readonly [state: RegExp, expected: string])[] = [
  [/^STRING_UNICODE/, "a hexadecimal digit"],
  [/^STRING_AFTER_BACKSLASH/, "an escape letter"],
  [/^STRING_INCOMPLETE_CHAR/, "the rest of a character in UTF-8"],
  [/^STRING/, "a closing quote without a control character before it"],
  [/^NUMBER/, "a digit"],
  [/^(TRUE|FALSE|NULL)/, "true, false or null"],
  [/^BOM$/, "a byte order mark"],
];

/** Names a token without showing user data: only JSON's own symbols are shown. */
export function describeToken({ token, value }: ParsedTokenInfo): string {
  return VALUES.get(token) ?? String(value);
}

/** How far the JSON was read. */
export interface Progress {
  /** Bytes before the current chunk. */
  readonly offset: number;
  /** The current chunk; `undefined` at the end of the JSON. */
  readonly bytes?: Uint8Array;
  /** The byte offset of the latest token. */
  readonly tokenOffset: number;
  /** What could come instead of another token, in words. */
  readonly expected: string;
}

/**
 * Converts an error of the tokenizer, whose message shows parts of the data, to a LinkageError. Other errors are
 * returned unchanged.
 */
export function tokenizerError(error: unknown, { offset, bytes, tokenOffset, expected }: Progress): unknown {
  if ((error as NodeJS.ErrnoException).code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
    const place = `JSON after byte ${tokenOffset}`;
    return new LinkageError("invalid-dataset", `Invalid ${place}: it is not UTF-8.`, { subject: place });
  }
  if (!(error instanceof TokenizerError)) return error;
  // Its position and state are available only in the message.
  const [, position = "0"] = /chunk position "(\d+)" \(absolute/.exec(error.message) ?? [];
  const [, state = ""] = /state:? (\w+)\)?[^"]*$/.exec(error.message) ?? [];
  const within = EXPECTED.find(([states]) => states.test(state));
  const byte = bytes?.[Number(position)];
  const received = byte === undefined ? "the end of the text" : describeByte(byte);
  return jsonSyntaxError(offset + Number(position), within?.[1] ?? expected, received);
}
