/** HTML that needs no more escaping. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = string | number | Markup | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** An HTML template; its values are escaped, unless they are markup. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(template.map((text, n) => (n === 0 ? text : markup(parts[n - 1]!) + text)).join(""));
}

/** Converts a value to an HTML string: markup as it is, all else escaped. */
export function markup(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(markup).join("");
  return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
