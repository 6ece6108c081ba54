import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import type { Manifest } from "./manifests.js";
import { mayReach } from "./reachability.js";
import { CHART, render } from "./rendered-chart.js";

const SUITES = ["integration", "e2e"];
/** The release's name in the jobs until the operator replaces it. */
const RELEASE = "anonlink-wasm";
const somebody = [{ podSelector: { matchLabels: { "example.org/part": "front" } } }];
const chart = render({ networkPolicy: { api: { from: somebody } } }, { release: RELEASE });

function jobOf(suite: string): Manifest {
  return parse(readFileSync(join(CHART, `jobs/${suite}-test-job.yaml`), "utf8")) as Manifest;
}

for (const suite of SUITES) {
  test(`the ${suite} test job matches the Helm test`, (t) => {
    const { pod } = chart.workloads.find(({ name }) => name === `${RELEASE}-${suite}-test`)!;
    const own = jobOf(suite).spec.template.spec;
    const [ours] = pod.containers;
    const [container, ...others] = own.containers;
    t.deepEqual(others, []);
    t.is(container.image, ours?.image);
    t.deepEqual(container.args, ours?.args?.slice(0, container.args.length));
    t.deepEqual(container.securityContext, ours?.securityContext);
    t.deepEqual(container.resources, ours?.resources);
    t.deepEqual(own.securityContext.runAsUser, pod.securityContext?.runAsUser);
    t.deepEqual(own.securityContext.seccompProfile, pod.securityContext?.seccompProfile);
    t.is(own.automountServiceAccountToken, false);
    t.is(own.restartPolicy, "Never");
  });

  test(`network policies allow the ${suite} tests`, (t) => {
    const from = { labels: jobOf(suite).spec.template.metadata.labels };
    const to = (part: string) => {
      const { labels } = chart.workloads.find(({ name }) => name === `${RELEASE}-${part}`)!;
      return { labels };
    };
    t.true(mayReach(chart, from, to("api"), 8851));
    t.true(mayReach(chart, from, to("minio"), 9000));
    t.false(mayReach(chart, from, to("postgresql"), 5432));
    t.false(mayReach(chart, { labels: {} }, to("api"), 8851), "nobody else");
  });
}
