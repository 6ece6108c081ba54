import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "ava";
import { FULL_NAME } from "./rendered-chart.js";
import { RENDERING_NAMES, rendering } from "./renderings.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** The options that the help text of one of our commands lists. */
function optionsOf(command: string): string[] {
  const help = execFileSync(process.execPath, [program, command, "--help"], { encoding: "utf8" });
  return help.match(/(?<=^ +(?:-\w, )?)--[a-z-]+/gm) ?? [];
}

const options = new Map<string, readonly string[]>();

test("the CLI has each command and option that a container passes to it", (t) => {
  for (const name of RENDERING_NAMES) {
    const chart = rendering(name);
    const image = chart.workload("api").pod.containers[0]?.image;
    const ours = chart.workloads.flatMap(({ containers }) => containers.filter((one) => one.image === image));
    t.true(ours.length >= 8, name);
    for (const { command, args = [] } of ours) {
      t.is(command, undefined, "the entry point of the image");
      const [first = "", ...rest] = args;
      if (!options.has(first)) options.set(first, optionsOf(first));
      for (const option of rest.filter((text) => text.startsWith("-"))) {
        t.true(options.get(first)?.includes(option), `${first} ${option}`);
      }
      for (const text of args) t.is(typeof text, "string");
    }
  }
  t.deepEqual([...options.keys()].sort(), ["api", "check", "exporter", "migrate", "worker"]);
});

test("the programs listen where the kubelet and Prometheus expect them", (t) => {
  for (const { pod, kind } of rendering("default").workloads) {
    if (kind !== "Deployment") continue;
    for (const { name, args = [], ports = [] } of pod.containers) {
      if (name === "nginx") continue;
      const port = args[args.findIndex((text) => /^--(health-)?port$/.test(text)) + 1];
      t.deepEqual(
        ports.map(({ containerPort }) => String(containerPort)),
        [port],
      );
      const host = args.indexOf("--host");
      t.true(host < 0 || args[host + 1] === "0.0.0.0", name);
    }
  }
});

test("sidecars and tests use the address of the service", (t) => {
  const chart = rendering("default");
  const urlOf = (part: string, container: string) => {
    const { args = [] } = chart.workload(part).containers.find(({ name }) => name === container)!;
    return args[args.indexOf("--url") + 1];
  };
  t.is(urlOf("api", "exporter"), "http://127.0.0.1:8850", "as nginx counts nobody's requests here");
  t.is(urlOf("e2e-test", "check"), `http://${FULL_NAME}-api:8851`);
});
