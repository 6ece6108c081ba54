import test from "ava";
import { ServiceError } from "../../src/linkage/errors.js";
import { FEBRL_BYTE_LENGTH, febrl, setUp, side, wholeFebrl, wholeParties } from "./task-set-up.js";

const left = side(0, [0, 1000]);
const wrongArguments: [name: string, change: Record<string, unknown>, message: string][] = [
  ["no package", { package: undefined }, "package: expected a list of one pair or more, got undefined"],
  ["an empty package", { package: [] }, "package: expected a list of one pair or more, got an array of 0"],
  ["one side", { package: [[left]] }, "package[0]: expected [left, right], got an array of 1"],
  ["no side", { package: [[left, null]] }, "package[0][1]: expected an object, got null"],
  [
    "a text as block",
    { package: [[left, { ...left, block_id: "1" }]] },
    "package[0][1].block_id: expected a whole number from 0 to 2147483647, got a text of 1 characters",
  ],
  [
    "no data provider",
    { package: [[{ ...left, dataproviderId: undefined }, left]] },
    "package[0][0].dataproviderId: expected a whole number from 0 to 2147483647, got undefined",
  ],
  [
    "an empty range",
    { package: [[left, { ...left, range: [3, 3] }]] },
    "package[0][1].range[1]: expected a whole number from 4 to 4294967295, got 3",
  ],
  [
    "no range",
    { package: [[left, { ...left, range: null }]] },
    "package[0][1].range: expected [from, to], got null",
  ],
  ["a threshold of 0", { threshold: 0 }, "threshold: expected a number above 0, up to 1, got 0"],
  [
    "a threshold as text",
    { threshold: "0.8" },
    "threshold: expected a number above 0, up to 1, got a text of 3 characters",
  ],
  [
    "an encoding size of 0",
    { encoding_size: 0 },
    "encoding_size: expected a whole number from 1 to 4096, got 0",
  ],
  ["no run", { run_id: undefined }, "run_id: expected a text, got undefined"],
  ["a project that is no text", { project_id: 7 }, "project_id: expected a text, got 7"],
];
for (const [name, change, message] of wrongArguments) {
  test(`${name}: the task says what is wrong`, async (t) => {
    const { task } = setUp(wholeParties(febrl));
    const parameters = {
      package: wholeFebrl,
      project_id: "p",
      run_id: "r",
      threshold: 0.8,
      encoding_size: FEBRL_BYTE_LENGTH,
      ...change,
    };
    const error = await t.throwsAsync(task(parameters, { taskId: "t" }), { instanceOf: ServiceError });
    t.is(error.code, "invalid-arguments");
    t.is(error.message, message);
  });
}
