import type { ExecutionContext } from "ava";
import type { Party } from "./client.js";

export interface PermutedResult {
  readonly mask: readonly number[];
  /** The result for each party, by its index. */
  readonly sides: readonly { readonly permutation: readonly number[]; readonly rows: number }[];
  /** The number of records of each party. */
  readonly counts: readonly number[];
  /** The pairs that must line up. */
  readonly groups: readonly (readonly Party[])[];
}

/** Asserts that both permutations are valid, and that they line up exactly the groups' records where the mask is 1. */
export function linesUp(t: ExecutionContext, { mask, sides, counts, groups }: PermutedResult): void {
  const least = Math.min(...counts);
  t.is(mask.length, least);
  t.true(mask.every((value) => value === 0 || value === 1));
  t.is(mask.filter((value) => value === 1).length, groups.length);
  const rowAt = sides.map(({ permutation, rows }, side) => {
    t.is(rows, least);
    t.is(permutation.length, counts[side]!);
    const original = new Map(permutation.map((newRow, row) => [newRow, row]));
    t.is(original.size, permutation.length, "each new row once");
    t.true(
      [...original.keys()].every((row) => Number.isInteger(row) && row >= 0 && row < permutation.length),
    );
    return original;
  });
  const lined = mask.flatMap((value, row) =>
    value === 1 ? [`${rowAt[0]!.get(row)},${rowAt[1]!.get(row)}`] : [],
  );
  const wanted = groups.map((group) => {
    const [left, right] = [...group].sort(([one], [other]) => one - other);
    return `${left![1]},${right![1]}`;
  });
  t.deepEqual(lined.sort(), wanted.sort());
}
