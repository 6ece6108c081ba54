export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** The checked feature is optional, and disabled at this service. */
export class LeftOut extends Error {
  override readonly name = "LeftOut";
}

export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckFailed(message);
}

const MAX_VALUE_LENGTH = 120;

/** @param what the compared value, such as `the number of rows` */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [canonicalJson(actual), canonicalJson(expected)];
  if (got === wanted) return;
  const place = [...wanted].findIndex((character, index) => got[index] !== character);
  const from = Math.max(0, (place === -1 ? wanted.length : place) - MAX_VALUE_LENGTH / 2);
  const show = (text: string) => {
    const end = from + MAX_VALUE_LENGTH;
    return `${from > 0 ? "…" : ""}${text.slice(from, end)}${text.length > end ? "…" : ""}`;
  };
  throw new CheckFailed(`${what}: ${show(got)} instead of ${show(wanted)}`);
}

/** JSON that does not depend on the order of object members. */
function canonicalJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
  return text ?? "nothing";
}
