import test from "ava";
import { closeThreads, compare, LinkageError } from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";

test("closing the pool fails the running comparison, and the next one starts new threads", async (t) => {
  const random = seededRandom(12);
  const left = randomClks(random, { recordCount: 3000, byteLength: 8 });
  let closed = false;
  const running = compare(left, left, {
    threshold: 0.9,
    kernel: "reference",
    threads: 2,
    onProgress: () => {
      if (!closed) closeThreads();
      closed = true;
    },
  });
  t.is((await t.throwsAsync(running, { instanceOf: LinkageError })).code, "thread-failed");
  t.true((await compare(left, left, { threshold: 1, threads: 2 })).pairs.scores.length >= 3000);
});
