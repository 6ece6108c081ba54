import { TypedValue } from "./python-json.js";

/** Values deeper than this are shown as `...`, as cyclic ones are. */
const MOST_DEPTH = 12;

/**
 * A value as Python's `repr` shows it, cut to `most` characters; no more of the value is looked at than is shown.
 *
 * @param most default 1,024
 */
export function pythonRepr(value: unknown, most = 1024): string {
  const text = new Writer(most).write(value, 0).text;
  return text.length <= most ? text : `${text.slice(0, Math.max(0, most - 3))}...`;
}

/** Writes until there is more than will be shown. */
class Writer {
  text = "";

  constructor(readonly most: number) {}

  write(value: unknown, depth: number): this {
    if (this.text.length > this.most) return this;
    if (depth > MOST_DEPTH) this.text += "...";
    else if (Array.isArray(value)) this.#writeItems("[", value, "]", (item) => this.write(item, depth + 1));
    else if (value instanceof TypedValue) this.write(value.value, depth + 1);
    else if (typeof value === "object" && value !== null) {
      this.#writeItems("{", Object.keys(value), "}", (name) => {
        this.text += `${quote(name)}: `;
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
  if (typeof value === "string") return quote(value.slice(0, most + 1));
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Number.isNaN(value) ? "nan" : String(value);
}

function quote(text: string): string {
  const content = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return text.includes("'") && !text.includes('"') ? `"${content}"` : `'${content.replaceAll("'", "\\'")}'`;
}
