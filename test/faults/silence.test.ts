// A few cases of silence.ts, which runs all of them.
import test from "ava";
import { SwallowingProxy } from "../servers/swallowing-proxy.js";
import { ServiceCluster } from "./service-cluster.js";
import { problemsOf, runSilenceCase, type SilenceCase } from "./silence-case.js";

let cluster: ServiceCluster<SwallowingProxy>;
test.before(async () => {
  cluster = await ServiceCluster.startBehind((target) => SwallowingProxy.start(target));
});
test.after.always(() => cluster?.remove());

const CASES: readonly SilenceCase[] = [
  { store: "Redis", means: "swallowing proxy", load: "busy" },
  { store: "Redis", means: "iptables DROP", load: "idle" },
  { store: "PostgreSQL", means: "swallowing proxy", load: "busy" },
  { store: "S3", means: "iptables DROP", load: "idle" },
];
for (const kind of CASES) {
  const { store, means, load } = kind;
  test.serial(`${store} stops responding (${means}) while the cluster is ${load}`, async (t) => {
    const outcome = await runSilenceCase(cluster, kind);
    t.log(JSON.stringify(outcome));
    t.deepEqual(problemsOf(outcome), []);
  });
}
