import test from "ava";
import { ServiceError } from "../../src/linkage/errors.js";
import { FEBRL_BYTE_LENGTH, febrl, setUp, side, wholeFebrl, wholeParties } from "./task-set-up.js";

const left = side(0, [0, 1000]);
const wrongArguments: [name: string, change: Record<string, unknown>, message: string][] = [
  ["no package", { package: undefined }, "package must be a list of one pair or more, not undefined."],
  ["an empty package", { package: [] }, "package must be a list of one pair or more, not an array of 0."],
  ["one side", { package: [[left]] }, "package[0] must be [left, right], not an array of 1."],
  ["a missing side", { package: [[left, null]] }, "package[0][1] must be an object, not null."],
  [
    "a block id that is a string",
    { package: [[left, { ...left, block_id: "1" }]] },
    "package[0][1].block_id must be a whole number from 0 to 2147483647, not a string of 1 characters.",
  ],
  [
    "no data provider",
    { package: [[{ ...left, dataproviderId: undefined }, left]] },
    "package[0][0].dataproviderId must be a whole number from 0 to 2147483647, not undefined.",
  ],
  [
    "an empty range",
    { package: [[left, { ...left, range: [3, 3] }]] },
    "package[0][1].range[1] must be a whole number from 4 to 4294967295, not 3.",
  ],
  [
    "no range",
    { package: [[left, { ...left, range: null }]] },
    "package[0][1].range must be [from, to], not null.",
  ],
  ["a threshold of 0", { threshold: 0 }, "threshold must be a number above 0 and up to 1, not 0."],
  [
    "a threshold that is a string",
    { threshold: "0.8" },
    "threshold must be a number above 0 and up to 1, not a string of 3 characters.",
  ],
  [
    "an encoding size of 0",
    { encoding_size: 0 },
    "encoding_size must be a whole number from 1 to 4096, not 0.",
  ],
  ["no run id", { run_id: undefined }, "run_id must be a non-empty string, not undefined."],
  ["a project id that is not a string", { project_id: 7 }, "project_id must be a non-empty string, not 7."],
];
for (const [name, change, message] of wrongArguments) {
  test(`rejects ${name}`, async (t) => {
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
