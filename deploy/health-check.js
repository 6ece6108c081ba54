// The container's health check: requests /healthz on the port in the program's command line. A command that is not a
// server is healthy while it runs.
import { readFileSync } from "node:fs";

/** By command, the option that names the port, and its default. */
const PORTS = {
  api: ["--port", 8851],
  serve: ["--port", 8851],
  worker: ["--health-port", 8852],
  exporter: ["--port", 8853],
};
const TIMEOUT_MS = 4000;

/** The port in a command line; `undefined` if the command is not a server. */
function portOf(commandLine) {
  const args = commandLine.slice(commandLine.findIndex((word) => word.endsWith("/cli/main.js")) + 1);
  const known = PORTS[args[0]];
  if (known === undefined) return undefined;
  const [option, usual] = known;
  const at = args.findLastIndex((word) => word === option || word.startsWith(`${option}=`));
  if (at < 0) return usual;
  return Number(args[at] === option ? args[at + 1] : args[at].slice(option.length + 1));
}

// Process 1 is the program, or an init process that has the program's command line as its arguments.
const port = portOf(readFileSync("/proc/1/cmdline", "utf8").split("\0").slice(0, -1));
if (port !== undefined) {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`/healthz answers ${answer.status}`);
}
