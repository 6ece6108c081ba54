// What the documents for operators say, in parts that can be held to the files that they speak of.
import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

export const OPERATOR_DOCUMENTS = ["docs/deployment.md", "docs/migrating.md", "docs/operations.md"] as const;

/** A block of code. */
export interface CodeBlock {
  readonly document: string;
  /** The line that it begins in. */
  readonly line: number;
  readonly language: string;
  /** What the comment before it says: `backup` for `<!-- backup -->`. */
  readonly marker: string | undefined;
  readonly text: string;
}

const BLOCK = /(?:^<!-- ([\w:-]+) -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm;

export function readText(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

export function codeBlocks(document: string): CodeBlock[] {
  const text = readText(document);
  return [...text.matchAll(BLOCK)].map(({ index, 1: marker, 2: language = "", 3: code = "" }) => {
    return { document, line: text.slice(0, index).split("\n").length, language, marker, text: code };
  });
}

/** The block behind a comment. */
export function markedBlock(document: string, marker: string): string {
  const found = codeBlocks(document).find((block) => block.marker === marker);
  if (found === undefined) throw new Error(`${document}: no block behind <!-- ${marker} -->`);
  return found.text;
}

/** All that stands between backticks in the text. */
export function inlineCode(document: string): string[] {
  return [...prose(document).matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "));
}

/** Rows of tables, each as its cells. */
export function tableRows(document: string): string[][] {
  return prose(document)
    .split("\n")
    .filter((line) => /^ *\| .*\|$/.test(line) && !/^ *\| -/.test(line))
    .map((line) =>
      line
        .trim()
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

/** Where links lead: `worker.md#queues`. */
export function links(document: string): string[] {
  return [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** Headings, as texts. */
export function headings(document: string): string[] {
  return [
    ...readText(document)
      .replace(BLOCK, "")
      .matchAll(/^#+ (.+)$/gm),
  ].map(([, heading = ""]) => heading);
}

/** What a link to a heading ends with, as GitHub makes it. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number} _-]/gu, "")
    .replaceAll(" ", "-");
}

function prose(document: string): string {
  return readText(document).replace(BLOCK, "");
}
