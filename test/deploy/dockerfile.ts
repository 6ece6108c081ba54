/** A Dockerfile instruction: its name in upper case, and its arguments with continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** A build stage, which starts with FROM. */
export interface Stage {
  /** An image reference, or the name of an earlier stage. */
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** ARGs before the first FROM, with their defaults. */
  readonly globals: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
}

/** Parses a simple Dockerfile: no here-documents, no escape directive, no flags except `--from`. */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Record<string, string> = {};
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (instruction.name === "FROM") {
      const [base, as, name] = instruction.text.split(/\s+/);
      if (as !== undefined && as.toUpperCase() !== "AS")
        throw new Error(`FROM ${instruction.text}: not known`);
      stages.push({ base: expand(base!, globals), name, instructions: [] });
    } else if (stage !== undefined) {
      stage.instructions.push(instruction);
    } else if (instruction.name === "ARG") {
      const [name, ...value] = instruction.text.split("=");
      globals[name!] = value.join("=");
    } else {
      throw new Error(`${instruction.name} before FROM`);
    }
  }
  return { globals, stages };
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let line = "";
  for (const part of text.split("\n")) {
    if (/^\s*#/.test(part) || (part.trim() === "" && line === "")) continue;
    line += part.replace(/\\$/, "");
    if (part.endsWith("\\")) continue;
    const [, name, rest] = /^\s*(\w+)\s+(.*?)\s*$/s.exec(line)!;
    found.push({ name: name!.toUpperCase(), text: rest! });
    line = "";
  }
  if (line !== "") throw new Error("the last line goes on");
  return found;
}

/** Substitutes `$NAME` and `${NAME}`; throws if a name has no value. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
    const value = values[(braced ?? bare)!];
    if (value === undefined) throw new Error(`${text}: ${braced ?? bare} has no value`);
    return value;
  });
}

/** Parses `NAME=value` pairs; values may be quoted. */
export function pairsOf(text: string): [name: string, value: string][] {
  return [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)].map(([, name, quoted, bare]) => [
    name!,
    quoted ?? bare!,
  ]);
}

/** The words of the exec form, `["node", "main.js"]`; `undefined` for the shell form. */
export function execForm(text: string): readonly string[] | undefined {
  return text.startsWith("[") ? (JSON.parse(text) as string[]) : undefined;
}
