/** HTML that needs no escaping any more. */
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

/** A template of HTML; what is put into it is escaped, unless it is markup itself. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(template.map((text, n) => (n === 0 ? text : markup(parts[n - 1]!) + text)).join(""));
}

/** Markup as text, and text as markup. */
export function markup(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(markup).join("");
  return String(part).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
