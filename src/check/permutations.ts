import { expectEqual, expectThat } from "./expectations.js";
import type { Group } from "./planted-clks.js";

export interface PermutedResult {
  readonly mask: readonly number[];
  /** Each party's result, by party index. */
  readonly sides: readonly { readonly permutation: readonly number[]; readonly rows: number }[];
  /** Records of each party. */
  readonly rowCounts: readonly number[];
  /** The pairs that should line up. */
  readonly groups: readonly Group[];
}

/** Both permutations must be valid, and must line up exactly the records of the pairs where the mask is 1. */
export function expectLinedUp({ mask, sides, rowCounts, groups }: PermutedResult): void {
  const least = Math.min(...rowCounts);
  expectEqual(mask.length, least, "the length of the mask");
  expectThat(
    mask.every((value) => value === 0 || value === 1),
    "the mask: expected zeros and ones",
  );
  const rowsAt = sides.map(({ permutation, rows }, party) => {
    expectEqual(rows, least, `the number of rows that party ${party} gets`);
    expectEqual(permutation.length, rowCounts[party], `the length of the permutation of party ${party}`);
    const rowAt = new Map(permutation.map((newRow, row) => [newRow, row]));
    const isOne = permutation.every(
      (newRow) => Number.isInteger(newRow) && newRow >= 0 && newRow < permutation.length,
    );
    expectThat(isOne && rowAt.size === permutation.length, `expected each new row of party ${party} once`);
    return rowAt;
  });
  const linedUp = mask.flatMap((value, row) =>
    value === 1 ? [`${rowsAt[0]!.get(row)},${rowsAt[1]!.get(row)}`] : [],
  );
  const expected = groups.map((group) =>
    [...group]
      .sort(([one], [other]) => one - other)
      .map(([, row]) => row)
      .join(),
  );
  expectEqual(linedUp.sort(), expected.sort(), "the rows that line up");
}
