// The examples in the documents, run as a reader would run them: their output is as documented.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { startEmbedded } from "./service/embedded.js";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);

/** An example is a code block after `<!-- example:NAME -->`; its output comes after `<!-- example:NAME:output -->`. */
const EXAMPLE = /<!-- example:(\w+) -->\s*```(\w+)\n([\s\S]*?)```/g;

/** The command that runs an example, which is written for an installed package, in this checkout. */
function commandFor(language: string, code: string): [program: string, args: string[]] {
  if (language === "sh") {
    return ["sh", ["-c", code.replace(/^anonlink-wasm/, `"${process.execPath}" dist/cli/main.js`)]];
  }
  const program = code.replaceAll('from "anonlink-wasm"', 'from "./dist/library/node.js"');
  return [process.execPath, ["--input-type=module", "--eval", program]];
}

/** Starts a service that stops with the test, so that no other service on this machine is used; returns its URL. */
async function startService(t: ExecutionContext): Promise<string> {
  const service = await startEmbedded();
  t.teardown(() => service.close());
  return `${service.url}/api/v1`;
}

for (const document of ["README.md", "docs/library.md"]) {
  const text = readFileSync(new URL(document, root), "utf8");
  const examples = [...text.matchAll(EXAMPLE)];
  test(`${document} has examples`, (t) => t.true(examples.length > 0));
  for (const [, name = "", language = "", code = ""] of examples) {
    test(`${document}: the example ${name} prints the documented output`, async (t) => {
      const output = new RegExp(`<!-- example:${name}:output -->\\s*\`\`\`text\\n([\\s\\S]*?)\`\`\``).exec(
        text,
      );
      const env = code.includes("process.env.API")
        ? { ...process.env, API: await startService(t) }
        : process.env;
      const { stdout, stderr } = await run(...commandFor(language, code), { cwd: root, env });
      t.is(stdout, output?.[1] ?? "no output in the document");
      t.is(stderr, "");
    });
  }
}
