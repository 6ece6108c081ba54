import { createHash } from "node:crypto";
import test from "ava";
import { makePeople, type PeopleSets, type Person } from "../../demo/people.js";

const COUNT = 400;

test("the same seed gives the same people, and another seed others", (t) => {
  t.is(hashOf(makePeople({ count: COUNT, seed: 5 })), hashOf(makePeople({ count: COUNT, seed: 5 })));
  t.not(hashOf(makePeople({ count: COUNT, seed: 5 })), hashOf(makePeople({ count: COUNT, seed: 6 })));
});

for (const { shared, sharedCount } of [
  { shared: undefined, sharedCount: 200 },
  { shared: 0, sharedCount: 0 },
  { shared: 0.25, sharedCount: 100 },
  { shared: 1, sharedCount: 400 },
]) {
  test(`shared = ${shared} gives ${sharedCount} common entities`, (t) => {
    const { left, right, truth } = makePeople({
      count: COUNT,
      seed: 1,
      ...(shared === undefined ? {} : { shared }),
    });
    t.is(left.length, COUNT);
    t.is(right.length, COUNT);
    t.is(truth.left.length, COUNT);
    t.is(truth.right.length, COUNT);
    t.is(truth.sharedCount, sharedCount);
    const leftEntities = new Set(truth.left);
    t.is(leftEntities.size, COUNT, "an entity is on the left once");
    t.is(new Set(truth.right).size, COUNT, "an entity is on the right once");
    t.is(truth.right.filter((entity) => leftEntities.has(entity)).length, sharedCount);
  });
}

test("accepts a count of zero and rejects fractions", (t) => {
  t.is(makePeople({ count: 0, seed: 1 }).left.length, 0);
  t.throws(() => makePeople({ count: 0.5, seed: 1 }), { instanceOf: RangeError });
  t.throws(() => makePeople({ count: 1, shared: 2, seed: 1 }), { instanceOf: RangeError });
});

test("most shared people are misspelled on the right but remain similar", (t) => {
  const couples = couplesOf(makePeople({ count: COUNT, shared: 1, seed: 3 }));
  const misspelt = couples.filter(([a, b]) => differingFields(a, b) > 0);
  t.true(misspelt.length > COUNT * 0.75 && misspelt.length < COUNT, `${misspelt.length} of ${COUNT}`);
  t.true(couples.every(([a, b]) => differingFields(a, b) <= 6));
  t.true(
    couples.some(([a, b]) => a.givenName === b.familyName && a.familyName === b.givenName),
    "swapped names",
  );
  t.true(
    couples.some(([a, b]) => a.street !== "" && b.street === ""),
    "a dropped field",
  );
  t.true(
    couples.some(([a, b]) => a.familyName.length < b.familyName.length),
    "an inserted character",
  );
  t.true(
    couples.some(([a, b]) => a.town.length - b.town.length === 1),
    "a deleted character",
  );
  t.true(
    couples.some(([a, b]) => a.dateOfBirth !== b.dateOfBirth && b.dateOfBirth.length === 8),
    "a date digit",
  );
});

test("shuffles both sets", (t) => {
  const { truth } = makePeople({ count: COUNT, shared: 1, seed: 3 });
  t.true(truth.left.filter((entity, row) => entity === row).length < COUNT / 10);
  t.true(truth.left.filter((entity, row) => entity === truth.right[row]).length < COUNT / 10);
});

function hashOf({ left, right, truth }: PeopleSets): string {
  const content = JSON.stringify([left, right, [...truth.left], [...truth.right]]);
  return createHash("sha256").update(content).digest("hex");
}

/** The two records of every person in both data sets. */
function couplesOf({ left, right, truth }: PeopleSets): [Person, Person][] {
  const rights = new Map(right.map((person, row) => [truth.right[row], person]));
  return left.flatMap((person, row) => {
    const other = rights.get(truth.left[row]);
    return other === undefined ? [] : [[person, other] as [Person, Person]];
  });
}

function differingFields(a: Person, b: Person): number {
  return (Object.keys(a) as (keyof Person)[]).filter((field) => a[field] !== b[field]).length;
}
