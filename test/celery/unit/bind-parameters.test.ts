import test from "ava";
import { bindParameters } from "../../../src/celery/bind-parameters.js";
import { TaskFailure } from "../../../src/celery/task-errors.js";

const NAMES = ["x", "y", "z?"];

test("binds mixed positional and keyword arguments", (t) => {
  t.deepEqual(bindParameters("f", NAMES, [1, 2], {}), { x: 1, y: 2 });
  t.deepEqual(bindParameters("f", NAMES, [1], { y: 2, z: 3 }), { x: 1, y: 2, z: 3 });
  t.deepEqual(bindParameters("f", NAMES, [], { y: 2, x: 1 }), { x: 1, y: 2 });
});

test("collects any number of positional arguments in a list; the others are keyword-only", (t) => {
  t.deepEqual(bindParameters("f", ["z?"], [1, 2, 3], {}, true), { args: [1, 2, 3] });
  t.deepEqual(bindParameters("f", ["z?"], [], { z: 3 }, true), { args: [], z: 3 });
  t.throws(() => bindParameters("f", ["z"], [1], {}, true), { message: /missing 1 required .* 'z'/ });
});

for (const [args, kwargs, message] of [
  [[1], {}, /missing 1 required positional arguments: 'y'/],
  [[1, 2, 3, 4], {}, /takes 3 positional arguments but 4 were given/],
  [[1, 2], { x: 1 }, /multiple values for argument 'x'/],
  [[1, 2], { w: 1 }, /unexpected keyword argument 'w'/],
] as const) {
  test(`throws Python's TypeError: ${message.source}`, (t) => {
    const error = t.throws(() => bindParameters("f", NAMES, args, kwargs), { instanceOf: TaskFailure });
    t.is(error.type, "TypeError");
    t.regex(error.message, message);
  });
}
