import { PassThrough } from "node:stream";
import test from "ava";
import { ProgressBar } from "../../src/cli/progress-bar.js";

/** What a progress bar writes to a stream, which may be a terminal. */
function written(isTTY: boolean, total: number): string {
  const terminal = { isTTY, columns: 80, cursorTo: () => {}, clearLine: () => {}, moveCursor: () => {} };
  const stream = Object.assign(new PassThrough(), terminal);
  const bar = new ProgressBar(stream as unknown as NodeJS.WriteStream);
  bar.update({ comparisons: 0, total });
  bar.update({ comparisons: total, total });
  bar.stop();
  return String(stream.read() ?? "");
}

test("shows a progress bar only on a terminal", (t) => {
  t.regex(written(true, 100), /comparing .* 0 %/);
  t.is(written(false, 100), "");
  t.is(written(true, 0), "", "nothing to compare");
});
