// Parses the operators' documents into parts that can be checked against the files they describe.
import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

export const OPERATOR_DOCUMENTS = ["docs/deployment.md", "docs/migrating.md", "docs/operations.md"] as const;

/** A fenced code block. */
export interface CodeBlock {
  readonly document: string;
  /** The line where it starts. */
  readonly line: number;
  readonly language: string;
  /** The content of the comment before it: `backup` for `<!-- backup -->`. */
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

/** The text of the code block after a marker comment. */
export function markedBlock(document: string, marker: string): string {
  const found = codeBlocks(document).find((block) => block.marker === marker);
  if (found === undefined) throw new Error(`${document}: no block behind <!-- ${marker} -->`);
  return found.text;
}

/** All inline code outside code blocks. */
export function inlineCode(document: string): string[] {
  return [...prose(document).matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replace(/\s+/g, " "));
}

/** The rows of all tables, as cells. */
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

/** Link targets, such as `worker.md#queues`. */
export function links(document: string): string[] {
  return [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

/** The text of each heading. */
export function headings(document: string): string[] {
  return [
    ...readText(document)
      .replace(BLOCK, "")
      .matchAll(/^#+ (.+)$/gm),
  ].map(([, heading = ""]) => heading);
}

/** The anchor that GitHub generates for a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number} _-]/gu, "")
    .replaceAll(" ", "-");
}

function prose(document: string): string {
  return readText(document).replace(BLOCK, "");
}
