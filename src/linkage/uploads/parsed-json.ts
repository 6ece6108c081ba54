import { type ParsedTokenInfo, Tokenizer, TokenParser, TokenType } from "@streamparser/json";
import type { LinkageError } from "../../core/errors.js";
import type { JsonHandler } from "../../core/json/json-scanner.js";
import { jsonSyntaxError } from "../../core/json/json-syntax-error.js";
import { feedText, type TextSink } from "../../core/json/json-text-sink.js";
import { describeToken, type Progress, tokenizerError } from "./json-parser-errors.js";

/** Limits on JSON input. */
export interface JsonBounds {
  /** Maximum nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Maximum length of a string, key or number, in bytes of UTF-8 with escapes resolved. */
  readonly maxTextLength: number;
}

/** Maximum bytes of JSON per byte of a string, if it is escaped; and a similar allowance for adjacent white space. */
const ESCAPE_LENGTH = 6;
const SPACE_LENGTH = 2;
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The tokenizer decodes strings in pieces of this many bytes. */
const STRING_BUFFER_LENGTH = 1 << 12;

/**
 * Parses UTF-8 JSON from chunks that may be cut anywhere: `@streamparser/json` finds the tokens and checks their order,
 * and the handler receives them. Only the current token is kept. A byte order mark is accepted; surrogates must be
 * paired.
 *
 * Invalid input throws LinkageError `invalid-dataset` with the byte offset; the handler's errors are passed on. After
 * an error, the parser must not be used again.
 */
export class ParsedJson {
  private readonly tokenizer = new TextTokenizer();
  /** Checks the order of tokens. It gets no paths, so that it keeps no values. */
  private readonly grammar = new TokenParser({ paths: [], keepStack: false });
  /** The opening tokens of the current arrays and objects. */
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
    this.text = Buffer.alloc(bounds.maxTextLength + 4); // room for one more character, to detect longer strings
    this.maxGap = (ESCAPE_LENGTH + SPACE_LENGTH) * bounds.maxTextLength;
    this.tokenizer.onToken = (token) => this.take(token);
  }

  /** Parses the next chunk. An unterminated string buffers at most the bound plus one chunk. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.offset === 0) {
      if (bytes[0] === BYTE_ORDER_MARK[0]) this.markLength = BYTE_ORDER_MARK.length;
      // Otherwise the tokenizer would accept one later, too.
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

  /** Ends the input, which must be one complete value. */
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
        handler.literal(String(token.value));
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

  /** Writes a string to the buffer as UTF-8. Returns its length. */
  private encode(text: string): number {
    const length = this.text.write(text);
    if (length > this.bounds.maxTextLength) {
      throw this.error(`strings and numbers of at most ${this.bounds.maxTextLength} bytes`, "a longer one");
    }
    // An unpaired surrogate was silently replaced.
    if (length > text.length && /\p{Surrogate}/u.test(text)) {
      throw this.error("surrogates in pairs", "a single one");
    }
    return length;
  }

  private feed(sink: TextSink, length: number): void {
    feedText(sink, this.text, 0, length);
  }

  /** What may come next, in words. */
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

/** Keeps numbers as they are written: integers that name blocks may be of any size. */
class TextTokenizer extends Tokenizer {
  constructor() {
    super({ stringBufferSize: STRING_BUFFER_LENGTH });
    // The default decoder drops a U+FEFF at the start of a string, which would make two different names equal.
    this["bufferedString"].decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  }

  override end(): void {
    this["bufferedString"].toString(); // for an unterminated string, invalid UTF-8 is the better error
    super.end();
  }

  protected override parseNumber(text: string): number {
    return text as unknown as number;
  }
}
