/** `npm run demo`: two organizations find the people they have in common without revealing anyone's data. */
import { link } from "../src/library/node.js";
import { encodePeople } from "./clk-encoder.js";
import { makePeople, type Person, type Truth } from "./people.js";
import { FIELD_NAMES } from "./schema.js";

const PEOPLE_PER_SIDE = 10_000;
const SEED = 2024;
const THRESHOLD = 0.8;
const ENCODER = { hashesPerBigram: 10, secret: "known to both organizations, and to no one else" };

const { left, right, truth } = makePeople({ count: PEOPLE_PER_SIDE, seed: SEED });
print(`Two organizations hold ${number(PEOPLE_PER_SIDE)} people each, typed by different hands.`);
print(
  `${number(truth.sharedCount)} people are on both sides; the computer does not know which. For example:`,
);
printSamePerson();

const encodingStart = performance.now();
const leftClks = encodePeople(left, ENCODER);
const rightClks = encodePeople(right, ENCODER);
const encodingSeconds = (performance.now() - encodingStart) / 1000;

const result = await link([{ dataset: leftClks }, { dataset: rightClks }], { threshold: THRESHOLD });
const { comparisons, seconds, kernel, threads } = result.statistics;
const { pairs, groups } = result;
const pairScore = score(pairs.leftRecords, pairs.rightRecords, truth);
const linked = recordsOfGroups(groups);
const groupScore = score(linked.left, linked.right, truth);

const threadCount = `${threads} thread${threads === 1 ? "" : "s"}`;
const speed = number(comparisons / seconds / 1e6);
print("");
print(
  `Encoded   ${number(2 * PEOPLE_PER_SIDE)} people into CLKs of 1,024 bits in ${encodingSeconds.toFixed(1)} s`,
);
print(`Compared  ${number(comparisons)} pairs of CLKs in ${seconds.toFixed(2)} s: ${speed} million a second`);
print(`          (${kernel} kernel, ${threadCount})`);
print(`Pairs     ${describe(pairScore)}: Dice similarity of at least ${THRESHOLD}`);
print(`Groups    ${describe(groupScore)}: each record used once, best pairs first`);
print("");
print(
  `What happened: ${number(groupScore.correct)} of the ${number(truth.sharedCount)} people in common were found, ` +
    `and ${number(groupScore.found - groupScore.correct)} pairs of different people were taken for one,\n` +
    "all from CLKs: no name, date or address left either side.",
);
print(
  "Try next: set THRESHOLD in demo/main.ts to 0.9 (surer, but misses more) or to 0.7 (finds more, but mixes up\n" +
    "relatives), then link your own CLKs as the README shows.",
);

interface Score {
  readonly found: number;
  readonly correct: number;
  readonly precision: number;
  readonly recall: number;
}

/** Compares found pairs with the truth: precision is the correct share of them, recall the share of true pairs found. */
function score(
  leftRecords: Uint32Array,
  rightRecords: Uint32Array,
  { left, right, sharedCount }: Truth,
): Score {
  const found = leftRecords.length;
  let correct = 0;
  for (let i = 0; i < found; i++) {
    if (left[leftRecords[i]!] === right[rightRecords[i]!]) correct++;
  }
  return { found, correct, precision: found === 0 ? 1 : correct / found, recall: correct / sharedCount };
}

/** The groups of two data sets as pairs: each has exactly one record of either side. */
function recordsOfGroups({ datasets, records }: typeof result.groups): {
  left: Uint32Array;
  right: Uint32Array;
} {
  return {
    left: records.filter((_, i) => datasets[i] === 0),
    right: records.filter((_, i) => datasets[i] === 1),
  };
}

/** Prints one person as both sides know them, misspelled on the right. */
function printSamePerson(): void {
  const rowOfEntity = new Map(Array.from(truth.left, (entity, row) => [entity, row]));
  for (const [row, entity] of truth.right.entries()) {
    const known = left[rowOfEntity.get(entity) ?? -1];
    const typed = right[row]!;
    if (known === undefined || FIELD_NAMES.filter((name) => known[name] !== typed[name]).length < 2) continue;
    print(`  left   ${describePerson(known)}`);
    print(`  right  ${describePerson(typed)}`);
    return;
  }
}

function describePerson(person: Person): string {
  return FIELD_NAMES.map((name) => person[name] || "–").join(" · ");
}

function describe({ found, precision, recall }: Score): string {
  return `${number(found)} found, precision ${percent(precision)}, recall ${percent(recall)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function print(line: string): void {
  console.log(line);
}
