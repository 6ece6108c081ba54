import test from "ava";
import { parseRoutes, queueFor } from "../../../src/celery/routes.js";

for (const [dialect, text] of [
  ["JSON", '{"a.b": {"queue": "one"}, "it\'s": {"queue": "two", "x": null}, "a.*": "three"}'],
  ["a Python dict", `{'a.b': {'queue': 'one',}, "it's": {'queue': 'two', 'x': None}, 'a.*': 'three', }`],
  ["a Python list of tuples", `[('a.b', {'queue': 'one'}), ("it's", 'two'), ('a.*', 'three')]`],
] as const) {
  test(`parses routes given as ${dialect}`, (t) => {
    const routes = parseRoutes(text);
    t.is(queueFor(routes, "a.b"), "one", "an exact name before a pattern");
    t.is(queueFor(routes, "a.c"), "three");
    t.is(queueFor(routes, "it's"), "two");
    t.is(queueFor(routes, "b.a.c"), undefined);
  });
}

test("an empty string gives no routes", (t) => t.deepEqual(parseRoutes(" "), []));

for (const text of ["{'a': 1}", "__import__('os')", "7", '{"a": {}}', "{'a': "]) {
  test(`rejects ${text} with a one-sentence error`, (t) => {
    const error = t.throws(() => parseRoutes(text), { instanceOf: TypeError });
    t.regex(error.message, /^CELERY_ROUTES (must be|has no) [^\n]+\.$/);
  });
}
