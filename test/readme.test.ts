// The README's examples, run as a reader would: what they print is what the README says.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");

/** The code block behind a marker such as `<!-- example:match -->`. */
function blockAfter(marker: string): string {
  const block = new RegExp(`<!-- ${marker} -->\\s*\`\`\`\\w*\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  if (block === undefined) throw new Error(`the README has no code block behind ${marker}`);
  return block;
}

test("the command-line example prints what the README says", async (t) => {
  const command = blockAfter("example:match").replace(
    /^anonlink-wasm/,
    `"${process.execPath}" dist/cli/main.js`,
  );
  const { stdout, stderr } = await run("sh", ["-c", command], { cwd: root });
  t.is(stdout, blockAfter("example:match:output"));
  t.is(stderr, "");
});

test("the library example prints what the README says", async (t) => {
  const program = blockAfter("example:library").replace('"anonlink-wasm"', '"./dist/library/node.js"');
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  t.is(stdout, blockAfter("example:library:output"));
});
