import test from "ava";
import { loads } from "../../../src/celery/python-json.js";
import { isTrueInPython } from "../../../src/celery/read-envelope.js";

// The expected values are those of Python's bool(json.loads(text)).
for (const [text, expected] of [
  ["true", true],
  ["false", false],
  ["null", false],
  ["0", false],
  ["-0.0", false],
  ["1e-300", true],
  ["NaN", true],
  ["Infinity", true],
  ["100000000000000000000", true],
  ['""', false],
  ['"false"', true],
  ["[]", false],
  ["[null]", true],
  ["{}", false],
  ['{"a": null}', true],
] as const) {
  test(`Python takes ${text} for ${expected}`, (t) => t.is(isTrueInPython(loads(text)), expected));
}
test("a header that is missing is not true", (t) => t.false(isTrueInPython(undefined)));
