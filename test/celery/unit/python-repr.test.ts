import test from "ava";
import { TypedValue } from "../../../src/celery/python-json.js";
import { pythonRepr } from "../../../src/celery/python-repr.js";
import { failureRepr, TaskFailure } from "../../../src/celery/task-errors.js";

test("formats values as Python's repr does", (t) => {
  const value = [
    1,
    -2.5,
    null,
    true,
    "it's",
    'say "x"',
    `'"`,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    { a: [], b: {} },
  ];
  t.is(pythonRepr(value), `[1, -2.5, None, True, "it's", 'say "x"', '\\'"', nan, inf, {'a': [], 'b': {}}]`);
  t.is(pythonRepr(new TypedValue("decimal", "1.5")), "'1.5'");
  t.is(
    failureRepr(new TaskFailure("KeyError", ["a rather long name", 2])),
    "KeyError('a rather long name', 2)",
  );
});

test("truncates long or deep values without reading the rest", (t) => {
  t.is(pythonRepr("abcdefgh", 8), "'abcd...");
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  t.is(pythonRepr(cyclic), `${"[".repeat(13)}...${"]".repeat(13)}`);
  let looked = 0;
  const items = Array.from({ length: 100_000 }, () => ({
    get x() {
      looked++;
      return 1;
    },
  }));
  t.is(pythonRepr(items, 100).length, 100);
  t.true(looked < 100);
});

test("does not split surrogate pairs, and escapes lone surrogates", (t) => {
  for (const before of ["", "a", "aa", "aaa"]) {
    const text = pythonRepr([before + "😀".repeat(3000)]);
    t.is([...text].length, 1024);
    t.notRegex(text, /\p{Surrogate}/u);
    const key = pythonRepr({ [before + "😀".repeat(3000)]: 1 });
    t.notRegex(key, /\p{Surrogate}/u);
  }
  t.is(pythonRepr("a\ud800"), "'a\\ud800'");
  t.is(pythonRepr("😀".repeat(8), 10), `'${"😀".repeat(8)}'`);
  t.is(pythonRepr("😀".repeat(9), 10), `'${"😀".repeat(6)}...`);
});

test("formats a value whose getter throws", (t) => {
  const value = {
    get x() {
      throw new Error("private");
    },
  };
  t.is(pythonRepr([value]), "<unprintable value>");
});
