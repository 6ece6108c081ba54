import { cutText } from "./cut-text.js";
import { EncodedJson, TypedValue } from "./python-json.js";

/** Values nested deeper than this are shown as `...`, as cyclic ones are. */
const MAX_DEPTH = 12;

/**
 * Formats a value like Python's `repr`, cut to `most` characters; reads no more of the value than it shows. Lone
 * surrogates are shown as escapes, as in Python. Never throws.
 *
 * @param most default 1,024
 */
export function pythonRepr(value: unknown, most = 1024): string {
  let text: string;
  try {
    text = new Writer(most).write(value, 0).text;
  } catch {
    return "<unprintable value>"; // for example, a getter threw
  }
  return cutText(text, most).length === text.length ? text : `${cutText(text, Math.max(0, most - 3))}...`;
}

/** Writes until the output exceeds what will be shown. */
class Writer {
  text = "";

  constructor(readonly most: number) {}

  write(value: unknown, depth: number): this {
    if (this.text.length > this.most) return this;
    if (depth > MAX_DEPTH) this.text += "...";
    else if (Array.isArray(value)) this.#writeItems("[", value, "]", (item) => this.write(item, depth + 1));
    else if (value instanceof TypedValue || value instanceof EncodedJson) this.write(value.value, depth + 1);
    else if (typeof value === "object" && value !== null) {
      this.#writeItems("{", Object.keys(value), "}", (name) => {
        this.text += `${quote(cutText(name, this.most + 1))}: `;
        this.write((value as Record<string, unknown>)[name], depth + 1);
      });
    } else this.text += scalar(value, this.most);
    return this;
  }

  #writeItems<Item>(open: string, items: readonly Item[], close: string, write: (item: Item) => void): void {
    this.text += open;
    for (let n = 0; n < items.length && this.text.length <= this.most; n++) {
      if (n > 0) this.text += ", ";
      write(items[n]!);
    }
    this.text += close;
  }
}

function scalar(value: unknown, most: number): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return quote(cutText(value, most + 1));
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Number.isNaN(value) ? "nan" : String(value);
}

function quote(text: string): string {
  const content = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return text.includes("'") && !text.includes('"') ? `"${content}"` : `'${content.replaceAll("'", "\\'")}'`;
}
