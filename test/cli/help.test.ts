import test from "ava";
import { runCli } from "./run-cli.js";

const COMMANDS = ["match", "describe", "serve", "api", "worker", "migrate", "exporter", "check"];

test("the help lists all commands", async (t) => {
  const { stdout } = await runCli(["--help"]);
  const [, section = ""] = stdout.split("Commands:\n");
  const listed = [...section.split("\n\n")[0]!.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
  t.deepEqual(listed, [...COMMANDS, "help"]);
});

for (const command of ["", ...COMMANDS]) {
  test(`the help of ${command || "the program"} fits into 80 columns`, async (t) => {
    const { stdout, code } = await runCli([...(command === "" ? [] : [command]), "--help"]);
    t.is(code, 0);
    t.regex(stdout, /^Usage: anonlink-wasm /);
    t.deepEqual(
      stdout.split("\n").filter((line) => line.length > 80),
      [],
    );
  });
}
