import { Command, Option } from "commander";
import { Interrupted, interruption } from "./interruption.js";
import { secondsValue, serviceUrlValue } from "./option-values.js";

interface CheckOptions {
  readonly url: string;
  readonly suite: "integration" | "e2e";
  readonly timeout: number;
}

const HELP = `
Checks a service that runs, as its clients see it: makes projects, uploads random encodings, starts runs and compares what
comes out with what must. integration: each resource of the API, right and wrong uses, in about a minute. e2e: whole
linkages of thousands of rows whose result is known, of all types. What this service has switched off is left out (–).
It needs no token, waits where the service is busy (503), and deletes all that it made, also when it fails or is ended.
The exit code is 0 when all checks pass.`;

/** `anonlink-wasm check`: checks a deployed service. */
export function checkCommand(): Command {
  return new Command("check")
    .summary("check a service that runs")
    .description("Check whether a service does what it should.")
    .addOption(
      new Option("--url <url>", "the service, as http://localhost:8851")
        .argParser(serviceUrlValue)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--suite <name>", "what is checked").choices(["integration", "e2e"]).makeOptionMandatory(),
    )
    .addOption(
      new Option("--timeout <seconds>", "for all checks together")
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
