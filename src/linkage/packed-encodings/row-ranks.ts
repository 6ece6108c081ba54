/** A set of record indices that ranks its members: one bit per index between the smallest and the largest. */
export class RowRanks {
  readonly #least: number;
  readonly #words: Uint32Array;
  /** The number of members before each word. */
  readonly #before: Uint32Array;
  readonly count: number;

  /** @param rows in any order, duplicates allowed */
  constructor(rows: Uint32Array) {
    let least = rows[0] ?? 0;
    let most = least;
    for (let n = 1; n < rows.length; n++) {
      const row = rows[n]!;
      if (row < least) least = row;
      else if (row > most) most = row;
    }
    this.#least = least;
    const words = new Uint32Array(Math.floor((most - least) / 32) + 1);
    for (let n = 0; n < rows.length; n++) {
      const bit = rows[n]! - least;
      words[bit >>> 5]! |= 1 << (bit & 31);
    }
    const before = new Uint32Array(words.length);
    let count = 0;
    for (let w = 0; w < words.length; w++) {
      before[w] = count;
      count += popcount(words[w]!);
    }
    this.#words = words;
    this.#before = before;
    this.count = count;
  }

  /** The number of members that are smaller than `row`, which must be a member. */
  rankOf(row: number): number {
    const bit = row - this.#least;
    const below = this.#words[bit >>> 5]! & ((1 << (bit & 31)) - 1);
    return this.#before[bit >>> 5]! + popcount(below);
  }

  /** All members, ascending, each once. */
  toRows(): Uint32Array {
    const rows = new Uint32Array(this.count);
    let next = 0;
    this.#words.forEach((word, w) => {
      for (let rest = word; rest !== 0; rest &= rest - 1) {
        rows[next++] = this.#least + 32 * w + (31 - Math.clz32(rest & -rest));
      }
    });
    return rows;
  }
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
