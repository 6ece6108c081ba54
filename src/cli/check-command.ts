import { Command, Option } from "commander";
import { Interrupted, interruption } from "./interruption.js";
import { secondsValue, serviceUrlValue } from "./option-values.js";

interface CheckOptions {
  readonly url: string;
  readonly suite: "integration" | "e2e";
  readonly timeout: number;
}

const HELP = `
Checks a running service from a client's point of view: creates projects,
uploads random encodings, starts runs and compares the results with the expected
ones.

  integration  each resource of the API, with valid and invalid requests; takes
               about a minute
  e2e          complete linkages of thousands of rows with known results, of all
               result types

Features that the service has disabled are skipped (–). No token is needed. The
checks wait while the service is busy (503), and delete everything they have
created, even if they fail or are interrupted. The exit code is 0 if all checks
pass.`;

/** `anonlink-wasm check`: checks a deployed service. */
export function checkCommand(): Command {
  return new Command("check")
    .summary("check a running service")
    .description("Check whether a running service works as documented.")
    .addOption(
      new Option("--url <url>", "the service, such as http://localhost:8851")
        .argParser(serviceUrlValue)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--suite <name>", "the checks to run").choices(["integration", "e2e"]).makeOptionMandatory(),
    )
    .addOption(
      new Option("--timeout <seconds>", "time limit for all checks together")
        .argParser(secondsValue(86_400))
        .default(900),
    )
    .addHelpText("after", HELP)
    .action(async ({ url, suite, timeout }: CheckOptions) => {
      const signal = interruption();
      const { runChecks } = await import("../check/main.js"); // packages that other commands do not need
      const isFine = await runChecks({
        apiUrl: url,
        suite,
        timeoutMs: 1000 * timeout,
        signal,
        print: (line) => console.log(line),
      });
      if (signal.reason instanceof Interrupted) throw signal.reason;
      if (!isFine) process.exitCode = 1;
    });
}
