/**
 * Parses JSON or Python literals, because settings are often copied from Python: dicts, lists, tuples, strings,
 * numbers, True, False, None.
 *
 * @throws SyntaxError
 */
export function parseLiteral(text: string): unknown {
  const json = text.replace(
    /'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b|[()]|,\s*(?=[)\]}])/g,
    (token, single: string | undefined) => {
      if (single !== undefined) return JSON.stringify(decodeEscapes(single));
      return LITERALS[token] ?? (token.startsWith('"') ? token : "");
    },
  );
  return JSON.parse(json);
}

const LITERALS: Readonly<Record<string, string>> = {
  None: "null",
  True: "true",
  False: "false",
  "(": "[",
  ")": "]",
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "'": "'",
  '"': '"',
  "\\": "\\",
};

/** The content of a Python string; unknown escapes are kept. */
function decodeEscapes(content: string): string {
  return content.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gs,
    (token, byte?: string, unit?: string, character?: string) =>
      character === undefined
        ? String.fromCharCode(Number.parseInt((byte ?? unit)!, 16))
        : (ESCAPES[character] ?? token),
  );
}
