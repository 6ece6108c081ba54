import { describeValue, invalidOption, LinkageError, wrongValue } from "./errors.js";
import type { Groups } from "./solve-greedy.js";

/** Returns a uniformly distributed integer from 0 to `limit - 1`, for limits from 1 to 2³². */
export type RandomBelow = (limit: number) => number;

/** What two parties receive instead of the groups, so that neither learns which of its records the other also has. */
export interface Permutations {
  /** For each party, the new position of each of its records: a permutation of the party's records. */
  readonly permutations: [Uint32Array, Uint32Array];
  /** 1 if the records that both parties have at this position belong together, else 0; min(n0, n1) long. */
  readonly mask: Uint8Array;
}

/**
 * Shuffles both parties' records so that the records of a group get the same new position in both permutations, and
 * marks those positions in a mask. With m = min(n0, n1): groups get random positions below m; each party's other
 * records fill its remaining positions at random.
 *
 * @param groups groups of two, one record of data set 0 and one of data set 1 each
 * @param recordCounts number of records of data set 0 and of data set 1, 0 to 4,294,967,295
 * @param random source of randomness. Default: {@link cryptoRandomBelow}; pass another one only in tests
 * @throws LinkageError `invalid-option` if the groups are not of two parties or do not fit the counts, or `random`
 *   returns an invalid number
 */
export function permuteGroups(
  groups: Groups,
  recordCounts: readonly [number, number],
  random: RandomBelow = cryptoRandomBelow(),
): Permutations {
  recordCounts.forEach(checkRecordCount);
  const groupCount = groups.starts.length - 1;
  const placeCount = Math.min(...recordCounts);
  const places = shuffledRange(placeCount, random);
  const mask = new Uint8Array(placeCount);
  const permutations: [Uint32Array, Uint32Array] = [
    new Uint32Array(recordCounts[0]),
    new Uint32Array(recordCounts[1]),
  ];
  const matched = [new Uint8Array(recordCounts[0]), new Uint8Array(recordCounts[1])] as const;

  for (let group = 0; group < groupCount; group++) {
    const start = groups.starts[group]!;
    checkParties(groups, group);
    for (let i = start; i < start + 2; i++) {
      const party = groups.datasets[i] as 0 | 1;
      const row = groups.records[i]!;
      if (row >= recordCounts[party] || matched[party][row] !== 0) {
        throw wrongValue(
          "invalid-option",
          `The record of data set ${party} in group ${group}`,
          `a row below ${recordCounts[party]} that is in no other group`,
          `${row}`,
        );
      }
      matched[party][row] = 1;
      // No record is in two groups, so there are no more groups than positions.
      permutations[party][row] = places[group]!;
    }
    mask[places[group]!] = 1;
  }

  const remaining = places.subarray(groupCount);
  fillRemaining(permutations[0], matched[0], remaining, random);
  fillRemaining(permutations[1], matched[1], remaining, random);
  return { permutations, mask };
}

/**
 * An unbiased source of random numbers on `globalThis.crypto`: draws that would favor the smaller numbers are rejected.
 * It draws 4,096 numbers of 32 bits at a time.
 *
 * @throws LinkageError `invalid-option` if there is no `globalThis.crypto.getRandomValues`
 */
export function cryptoRandomBelow(): RandomBelow {
  const { crypto } = globalThis;
  if (typeof crypto?.getRandomValues !== "function") {
    const message = "random is required: there is no globalThis.crypto.";
    throw new LinkageError("invalid-option", message, { subject: "random" });
  }
  const drawn = new Uint32Array(4096);
  let used = drawn.length;
  return (limit) => {
    const rejectedCount = 2 ** 32 % limit;
    for (;;) {
      if (used === drawn.length) {
        crypto.getRandomValues(drawn);
        used = 0;
      }
      const value = drawn[used]!;
      drawn[used++] = 0;
      if (value >= rejectedCount) return value % limit;
    }
  };
}

/** Assigns the records without a group to the remaining positions below m and all positions from m on, at random. */
function fillRemaining(
  permutation: Uint32Array,
  matched: Uint8Array,
  remaining: Uint32Array,
  random: RandomBelow,
): void {
  const groupCount = matched.reduce((sum, mark) => sum + mark, 0);
  const places = new Uint32Array(permutation.length - groupCount);
  places.set(remaining);
  const firstOwn = groupCount + remaining.length;
  for (let i = remaining.length; i < places.length; i++) places[i] = firstOwn + i - remaining.length;
  shuffle(places, random);
  let next = 0;
  for (let row = 0; row < permutation.length; row++) {
    if (matched[row] === 0) permutation[row] = places[next++]!;
  }
}

function shuffledRange(length: number, random: RandomBelow): Uint32Array {
  const numbers = new Uint32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = i;
  shuffle(numbers, random);
  return numbers;
}

/** Fisher–Yates shuffle: every order is equally likely. */
function shuffle(numbers: Uint32Array, random: RandomBelow): void {
  for (let last = numbers.length - 1; last > 0; last--) {
    const chosen = random(last + 1);
    if (!Number.isInteger(chosen) || chosen < 0 || chosen > last) {
      const expected = `a whole number from 0 to ${last}`;
      const received = describeValue(chosen);
      throw new LinkageError("invalid-option", `random must return ${expected}, not ${received}.`, {
        subject: "random",
        expected,
        received,
      });
    }
    const moved = numbers[last]!;
    numbers[last] = numbers[chosen]!;
    numbers[chosen] = moved;
  }
}

function checkRecordCount(recordCount: number, party: number): void {
  if (Number.isInteger(recordCount) && recordCount >= 0 && recordCount < 2 ** 32) return;
  throw invalidOption(`recordCounts[${party}]`, `a whole number from 0 to ${2 ** 32 - 1}`, recordCount);
}

function checkParties(groups: Groups, group: number): void {
  const start = groups.starts[group]!;
  const end = groups.starts[group + 1]!;
  if (end - start === 2 && groups.datasets[start]! + groups.datasets[start + 1]! === 1) return;
  const expected = "one record of data set 0 and one of data set 1";
  const datasets = groups.datasets.slice(start, Math.min(end, start + 10)).join(", ");
  const received = `${end - start} of data sets ${datasets}`;
  throw new LinkageError("invalid-option", `Group ${group} must have ${expected}, not ${received}.`, {
    subject: `group ${group}`,
    expected,
    received,
  });
}
