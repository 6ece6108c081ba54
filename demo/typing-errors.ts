/** Errors that people make when they type other people's data. */
import type { Faker } from "@faker-js/faker";
import type { Person } from "./people.js";

/** How often a record has 0, 1, 2, 3 or 4 errors: two on average. */
const ERROR_COUNTS = [
  { value: 0, weight: 10 },
  { value: 1, weight: 25 },
  { value: 2, weight: 30 },
  { value: 3, weight: 20 },
  { value: 4, weight: 15 },
];

/** The share of records in which given and family name are swapped. */
const SWAPPED_NAMES_SHARE = 0.02;

/** The share of errors that lose the whole field. */
const DROPPED_FIELD_SHARE = 0.1;

/** How likely an error is to affect a field: long fields have more of them. */
const FIELD_WEIGHTS: { value: keyof Person; weight: number }[] = [
  { value: "givenName", weight: 4 },
  { value: "middleInitial", weight: 1 },
  { value: "familyName", weight: 4 },
  { value: "dateOfBirth", weight: 2 },
  { value: "houseNumber", weight: 1 },
  { value: "street", weight: 4 },
  { value: "town", weight: 4 },
  { value: "postcode", weight: 1 },
  { value: "phone", weight: 2 },
];

/** A copy of a record as a second, less careful clerk would type it. */
export function misspell(random: Faker, person: Person): Person {
  const copy: Record<keyof Person, string> = { ...person };
  if (random.datatype.boolean(SWAPPED_NAMES_SHARE)) {
    copy.givenName = person.familyName;
    copy.familyName = person.givenName;
  }
  const errorCount = random.helpers.weightedArrayElement(ERROR_COUNTS);
  for (let i = 0; i < errorCount; i++) {
    const field = random.helpers.weightedArrayElement(FIELD_WEIGHTS);
    copy[field] = random.datatype.boolean(DROPPED_FIELD_SHARE) ? "" : mistype(random, field, copy[field]);
  }
  return copy;
}

/** One typing error: in a date, a wrong digit; elsewhere, an extra, missing, wrong or transposed character. */
function mistype(random: Faker, field: keyof Person, value: string): string {
  if (value === "") return value;
  const position = random.number.int(value.length - 1);
  const before = value.slice(0, position);
  const after = value.slice(position + 1);
  const typed = /\d/.test(value) ? random.string.numeric() : random.string.alpha({ casing: "lower" });
  if (field === "dateOfBirth") return before + typed + after;
  switch (random.number.int(3)) {
    case 0: // insert
      return before + typed + value.slice(position);
    case 1: // delete
      return before + after;
    case 2: // replace
      return before + typed + after;
    default: // transpose
      return before + after.slice(0, 1) + value.charAt(position) + after.slice(1);
  }
}
