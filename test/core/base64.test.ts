import test from "ava";
import fc from "fast-check";
import { Base64Decoder, decodeBase64, encodeBase64 } from "../../src/core/clk-reading/base64.js";
import { LinkageError } from "../../src/core/errors.js";
import { feedText } from "../../src/core/json/json-text-sink.js";

test("encodes as Node does", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      t.is(encodeBase64(bytes), Buffer.from(bytes).toString("base64"));
    }),
  );
  t.is(encodeBase64(Uint8Array.of(9, 1, 2, 9), 1, 3), Buffer.of(1, 2).toString("base64"));
});

test("decodes its own output at an offset, and writes nothing else", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(9), (bytes, offset) => {
      const target = new Uint8Array(bytes.length + offset + 5).fill(170);
      t.is(decodeBase64(encodeBase64(bytes), target, offset), bytes.length);
      t.deepEqual(target.subarray(offset, offset + bytes.length), bytes);
      t.true(target.subarray(0, offset).every((byte) => byte === 170));
      t.true(target.subarray(offset + bytes.length).every((byte) => byte === 170));
    }),
  );
});

test("decodes strings and bytes, with white space anywhere", (t) => {
  const target = new Uint8Array(4);
  t.is(decodeBase64(" A\nQID\r\n\tBA =\v=\f ", target), 4);
  t.deepEqual(target, Uint8Array.of(1, 2, 3, 4));
  t.is(decodeBase64(new TextEncoder().encode("xAQIx").subarray(1, 5), target), 3);
  t.is(decodeBase64("", target), 0);
});

test("gives the same result for input cut anywhere", (t) => {
  const text = new TextEncoder().encode("AQID\nBAUGBwg=");
  for (let cut = 0; cut <= text.length; cut++) {
    const target = new Uint8Array(8);
    const decoder = new Base64Decoder();
    decoder.start(target, 0, 8);
    feedText(decoder, text, 0, cut);
    feedText(decoder, text, cut);
    t.is(decoder.finish(), undefined);
    t.is(decoder.byteCount, 8);
    t.deepEqual(target, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  }
});

for (const [text, reason] of [
  ["A", /multiple of 4/],
  ["AAAAA", /multiple of 4/],
  ["AA", /multiple of 4/],
  ["AAA", /multiple of 4/],
  ["AA=", /multiple of 4/],
  ["=", /padding at character 0/],
  ["A===", /padding at character 1/],
  ["AAAA=", /padding at character 4/],
  ["AAA==", /padding at character 4/],
  ["AA==AAAA", /after its padding at character 4/],
  ["AA=A", /after its padding at character 3/],
  ["AA==\nA", /after its padding at character 5/],
  ["AAAAAA-_", /not base64 at character 6/],
  ["AAAAAAAAé", /not base64 at character 8/],
  ["\u0000AAA", /not base64 at character 0/],
] as const) {
  test(`rejects ${JSON.stringify(text)}`, (t) => {
    const error = t.throws(() => decodeBase64(text, new Uint8Array(64)), { instanceOf: LinkageError });
    t.is(error?.code, "invalid-dataset");
    t.regex(error?.message ?? "", reason);
  });
}

test("rejects a target that is too small without writing past its end", (t) => {
  const memory = new Uint8Array(8);
  t.throws(() => decodeBase64("////////", memory.subarray(0, 5)), {
    message: "The base64 decodes to 6 bytes, but the target has room for 5.",
  });
  t.deepEqual(memory.subarray(5), new Uint8Array(3));
});

test("accepts the same strings as Python's strict decoder", (t) => {
  const letters = fc.constantFrom("A", "z", "9", "+", "/", "=", "\n", "-");
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const isSound = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
        text.replaceAll("\n", ""),
      );
      const target = new Uint8Array(16);
      try {
        const length = decodeBase64(text, target);
        t.true(isSound);
        t.deepEqual(Buffer.from(target.subarray(0, length)), Buffer.from(text, "base64"));
      } catch (error) {
        t.true(error instanceof LinkageError);
        t.false(isSound);
      }
    }),
    { numRuns: 2000 },
  );
});
