import { type ParsedTokenInfo, Tokenizer, TokenParser, TokenType } from "@streamparser/json";
import type { LinkageError } from "../../core/errors.js";
import type { JsonHandler } from "../../core/json/json-scanner.js";
import { jsonSyntaxError } from "../../core/json/json-syntax-error.js";
import { feedText, type TextSink } from "../../core/json/json-text-sink.js";
import { describeToken, type Progress, tokenizerError } from "./json-parser-errors.js";

/** What a JSON text may hold. */
export interface JsonBounds {
  /** How deep arrays and objects may nest. */
  readonly maxDepth: number;
  /** The longest text, key or number, in bytes of UTF-8, escapes resolved. */
  readonly maxTextLength: number;
}

/** Bytes of JSON that a byte of a text takes at most, as an escape; and so many for the white space beside it. */
const ESCAPE_LENGTH = 6;
const SPACE_LENGTH = 2;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The tokenizer makes a string of so many bytes at once. */
const STRING_BUFFER_LENGTH = 1 << 12;

/**
 * Parses JSON in UTF-8 that comes in chunks, cut anywhere: `@streamparser/json` finds the tokens and checks their order, the
 * handler takes them. Of the text only the token at hand is kept. A byte order mark is tolerated; surrogates must come in
 * pairs.
 *
 * Any breach throws LinkageError `invalid-dataset`, with the byte offset; what the handler throws is passed on. The parser
 * is of no use after that.
 */
export class ParsedJson {
  private readonly tokenizer = new TextTokenizer();
  /** Checks the order of tokens; no path is wanted, so that it keeps no values. */
  private readonly grammar = new TokenParser({ paths: [], keepStack: false });
  /** What opened the arrays and objects at hand. */
  private readonly containers: TokenType[] = [];
  private last: TokenType | "key" | undefined;
  private readonly text: Buffer;
  private readonly maxGap: number;
  private offset = 0;
  private markLength = 0;
  private tokenOffset = 0;

  constructor(
    private readonly handler: JsonHandler,
    private readonly bounds: JsonBounds,
  ) {
    this.text = Buffer.alloc(bounds.maxTextLength + 4); // a longer one is seen by the character that still fits in
    this.maxGap = (ESCAPE_LENGTH + SPACE_LENGTH) * bounds.maxTextLength;
    this.tokenizer.onToken = (token) => this.take(token);
  }

  /** Parses the next chunk. Of a text without an end no more is kept than the bounds allow, and one chunk. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.offset === 0) {
      if (bytes[0] === BYTE_ORDER_MARK[0]) this.markLength = BYTE_ORDER_MARK.length;
      // Without one the tokenizer would tolerate it later, too.
      else this.tokenizer.write(BYTE_ORDER_MARK);
    }
    try {
      this.tokenizer.write(bytes);
    } catch (error) {
      throw tokenizerError(error, this.progress(bytes));
    }
    this.offset += bytes.length;
    if (this.offset - this.tokenOffset > this.maxGap) {
      throw jsonSyntaxError(this.offset, `another token within ${this.maxGap} bytes`, "none");
    }
  }

  /** Ends the text: it must be one complete value. */
  end(): void {
    try {
      this.tokenizer.end();
    } catch (error) {
      throw tokenizerError(error, this.progress());
    }
    if (!this.grammar.isEnded) throw jsonSyntaxError(this.offset, this.expected(), "the end of the text");
  }

  private take(token: ParsedTokenInfo): void {
    this.tokenOffset = this.markLength + token.offset;
    try {
      this.grammar.write(token);
    } catch {
      throw this.error(this.expected(), describeToken(token));
    }
    const { handler } = this;
    let last: typeof this.last = token.token;
    switch (token.token) {
      case TokenType.LEFT_BRACE:
        this.open(token.token);
        handler.openObject();
        break;
      case TokenType.RIGHT_BRACE:
        this.containers.pop();
        handler.closeObject();
        break;
      case TokenType.LEFT_BRACKET:
        this.open(token.token);
        handler.openArray();
        break;
      case TokenType.RIGHT_BRACKET:
        this.containers.pop();
        handler.closeArray();
        break;
      case TokenType.STRING: {
        const length = this.encode(token.value as string);
        if (this.isInObject() && this.last !== TokenType.COLON) {
          last = "key";
          this.feed(handler.beginKey(), length);
          handler.endKey();
        } else {
          this.feed(handler.beginString(), length);
          handler.endString();
        }
        break;
      }
      case TokenType.NUMBER: {
        const length = this.encode(String(token.value));
        this.feed(handler.beginNumber(), length);
        handler.endNumber();
        break;
      }
      case TokenType.TRUE:
      case TokenType.FALSE:
      case TokenType.NULL:
        handler.literal();
    }
    this.last = last;
  }

  private open(container: TokenType): void {
    if (this.containers.push(container) > this.bounds.maxDepth) {
      throw this.error(`at most ${this.bounds.maxDepth} nested arrays and objects`, "one more");
    }
  }

  private isInObject(): boolean {
    return this.containers.at(-1) === TokenType.LEFT_BRACE;
  }

  /** Writes a text to the buffer as UTF-8. Returns its length. */
  private encode(text: string): number {
    const length = this.text.write(text);
    if (length > this.bounds.maxTextLength) {
      throw this.error(`texts and numbers of at most ${this.bounds.maxTextLength} bytes`, "a longer one");
    }
    // A single surrogate was replaced silently.
    if (length > text.length && /\p{Surrogate}/u.test(text)) {
      throw this.error("surrogates in pairs", "a single one");
    }
    return length;
  }

  private feed(sink: TextSink, length: number): void {
    feedText(sink, this.text, 0, length);
  }

  /** What may come now, in words. */
  private expected(): string {
    if (this.grammar.isEnded) return "the end of the text";
    switch (this.last) {
      case undefined:
      case TokenType.COLON:
        return "a value";
      case TokenType.LEFT_BRACKET:
        return "a value or ]";
      case TokenType.LEFT_BRACE:
        return "a key in quotes or }";
      case TokenType.COMMA:
        return this.isInObject() ? "a key in quotes" : "a value";
      case "key":
        return "a colon";
      default:
        return `a comma or ${this.isInObject() ? "}" : "]"}`;
    }
  }

  private progress(bytes?: Uint8Array): Progress {
    const { offset, tokenOffset } = this;
    return { offset, tokenOffset, expected: this.expected(), ...(bytes && { bytes }) };
  }

  private error(expected: string, received: string): LinkageError {
    return jsonSyntaxError(this.tokenOffset, expected, received);
  }
}

/** Leaves numbers as they are written: integers that name blocks may be of any size. */
class TextTokenizer extends Tokenizer {
  constructor() {
    super({ stringBufferSize: STRING_BUFFER_LENGTH });
    // Its own decoder drops a U+FEFF at the beginning of a text, so that two names would be one.
    this["bufferedString"].decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  }

  override end(): void {
    this["bufferedString"].toString(); // of a text without an end, that it is no UTF-8 tells more
    super.end();
  }

  protected override parseNumber(text: string): number {
    return text as unknown as number;
  }
}
