/** Two synthetic, partly overlapping sets of people, for the demo, the benchmarks and the tests. */
import type { Faker } from "@faker-js/faker";
import { faker } from "@faker-js/faker/locale/en_AU";
import { misspell } from "./typing-errors.js";

/** One record of personal data; every field is a lowercase string, empty if unknown. */
export interface Person {
  readonly givenName: string;
  readonly middleInitial: string;
  readonly familyName: string;
  /** `YYYYMMDD`; a typing error may have made it an invalid date. */
  readonly dateOfBirth: string;
  readonly houseNumber: string;
  readonly street: string;
  readonly town: string;
  readonly postcode: string;
  readonly phone: string;
}

/** Record `i` of a set is about the person `left[i]` or `right[i]`; equal numbers mean the same person. */
export interface Truth {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  /** How many people occur on both sides. */
  readonly sharedCount: number;
}

export interface PeopleOptions {
  /** People in each of the two sets, an integer from 0. */
  readonly count: number;
  /** The share of people that both sets know, 0 to 1. Default: 0.5. */
  readonly shared?: number;
  /** The same seed produces the same people. */
  readonly seed: number;
}

export interface PeopleSets {
  readonly left: Person[];
  readonly right: Person[];
  readonly truth: Truth;
}

/** The share of people who live with a person created before them: same family name, same address. */
const RELATIVE_SHARE = 0.1;

/** Ages are counted from this day, so that the data does not depend on the current date. */
const REFERENCE_DATE = "2024-01-01";

/**
 * Creates two sets of `count` people. The left set has no typing errors; in the right set, the people in both sets may
 * be misspelled. Each set has its own order. Seeds faker's global generator.
 */
export function makePeople({ count, shared = 0.5, seed }: PeopleOptions): PeopleSets {
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`count must be a whole number of 0 or more, not ${count}.`);
  if (!(shared >= 0 && shared <= 1)) throw new RangeError(`shared must be from 0 to 1, not ${shared}.`);
  faker.seed(seed);
  const sharedCount = Math.round(count * shared);
  const entities = makeEntities(faker, 2 * count - sharedCount);

  // Entities 0 … sharedCount - 1 are in both sets, followed by those only on the left, then those only on the right.
  const leftRows = shuffledRange(faker, 0, count);
  const rightRows = shuffledRange(faker, count - sharedCount, 2 * count - sharedCount);
  for (let row = 0; row < rightRows.length; row++) {
    const entity = rightRows[row]!;
    if (entity < count) rightRows[row] = entity - (count - sharedCount);
  }
  return {
    left: Array.from(leftRows, (entity) => entities[entity]!),
    right: Array.from(rightRows, (entity) => {
      const person = entities[entity]!;
      return entity < sharedCount ? misspell(faker, person) : person;
    }),
    truth: { left: leftRows, right: rightRows, sharedCount },
  };
}

/** Different people; some of them share a household with one created before. */
function makeEntities(random: Faker, count: number): Person[] {
  const entities: Person[] = [];
  for (let i = 0; i < count; i++) {
    const stranger = makeStranger(random);
    const hasRelative = i > 0 && random.datatype.boolean(RELATIVE_SHARE);
    entities.push(hasRelative ? moveIn(stranger, entities[random.number.int(i - 1)]!) : stranger);
  }
  return entities;
}

function makeStranger(random: Faker): Person {
  return {
    givenName: random.person.firstName().toLowerCase(),
    middleInitial: random.datatype.boolean(0.8) ? random.string.alpha({ casing: "lower" }) : "",
    familyName: random.person.lastName().toLowerCase(),
    dateOfBirth: makeDateOfBirth(random),
    houseNumber: String(random.number.int({ min: 1, max: 400 })),
    street: random.location.street().toLowerCase(),
    town: random.location.city().toLowerCase(),
    postcode: String(random.number.int({ min: 2000, max: 7999 })),
    phone: `04${random.string.numeric(8)}`,
  };
}

function makeDateOfBirth(random: Faker): string {
  const date = random.date.birthdate({ mode: "age", min: 18, max: 95, refDate: REFERENCE_DATE });
  return date.toISOString().slice(0, 10).replaceAll("-", "");
}

/** Moves a person in with a relative: they keep their given names, date of birth and phone. */
function moveIn(person: Person, relative: Person): Person {
  const { familyName, houseNumber, street, town, postcode } = relative;
  return { ...person, familyName, houseNumber, street, town, postcode };
}

/** The integers `from … to - 1` in random order. */
function shuffledRange(random: Faker, from: number, to: number): Uint32Array {
  const numbers = Uint32Array.from({ length: to - from }, (_, i) => from + i);
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = random.number.int(i);
    const kept = numbers[i]!;
    numbers[i] = numbers[j]!;
    numbers[j] = kept;
  }
  return numbers;
}
