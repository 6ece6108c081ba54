// The demo's encoder makes the same CLKs as clkhash from PyPI, from the same people, schema and secret.
import test from "ava";
import { encodeWithSchema } from "../../demo/clk-encoder.js";
import { makePeople, type Person } from "../../demo/people.js";
import { FIELD_NAMES, linkageSchema } from "../../demo/schema.js";
import { toBase64Array } from "../../src/library/node.js";
import { Oracle } from "./oracle.js";

test("CLKs equal clkhash's bit for bit", async (t) => {
  const oracle = new Oracle();
  try {
    const { left, right } = makePeople({ count: 150, seed: 7 });
    const odd = left
      .slice(0, 3)
      .map((person) => ({ ...person, givenName: "zoë šárka", town: "", phone: "" }));
    const people: Person[] = [...left, ...right, ...odd];
    for (const hashesPerBigram of [4, 10, 13.1]) {
      const schema = linkageSchema(hashesPerBigram);
      const rows = people.map((person) => FIELD_NAMES.map((name) => person[name]));
      const expected = await oracle.ask({
        ask: "encode",
        names: FIELD_NAMES,
        rows,
        schema,
        secret: "a secret",
      });
      t.deepEqual(toBase64Array(encodeWithSchema(people, schema, "a secret")) as unknown, expected);
    }
  } finally {
    oracle.close();
  }
});
