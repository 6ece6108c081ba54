// The silence part of `npm run test:faults`: each store goes silent by each means, while the cluster is idle and busy.
// Prints one line of JSON per case, and a Markdown table at the end.
import { SwallowingProxy } from "../servers/swallowing-proxy.js";
import { ServiceCluster } from "./service-cluster.js";
import {
  LIMITS,
  LOADS,
  MEANS,
  problemsOf,
  runSilenceCase,
  type SilenceCase,
  type SilenceOutcome,
  STORES,
} from "./silence-case.js";

/** @returns the number of failed cases */
export async function silenceFaults(): Promise<number> {
  const cluster = await ServiceCluster.startBehind((target) => SwallowingProxy.start(target));
  const outcomes: SilenceOutcome[] = [];
  let failed = 0;
  try {
    for (const kind of silenceCases()) {
      try {
        const outcome = await runSilenceCase(cluster, kind);
        outcomes.push(outcome);
        const problems = problemsOf(outcome);
        console.log(JSON.stringify({ ...outcome, problems }));
        if (problems.length > 0) failed++;
      } catch (error) {
        failed++;
        console.error(JSON.stringify(kind), (error as Error).message);
      }
    }
  } finally {
    await cluster.remove();
  }
  console.log(tableOf(outcomes));
  return failed;
}

/** Returns all cases. */
export function silenceCases(): SilenceCase[] {
  const stores = Object.keys(STORES) as (keyof typeof STORES)[];
  return stores.flatMap((store) =>
    MEANS.flatMap((means) => LOADS.map((load): SilenceCase => ({ store, means, load }))),
  );
}

function tableOf(outcomes: readonly SilenceOutcome[]): string {
  const { bad, good, work, endApi, endWorker } = LIMITS;
  const lines = [
    `| silent store | by | load | \`/readyz\` bad (< ${bad}): API | worker | good again (< ${good}): API | worker | work continues (< ${work}) | end after SIGTERM: API (< ${endApi}) | worker (< ${endWorker}) |`,
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...outcomes.map(
      (each) =>
        `| ${each.store} | ${each.means} | ${each.load} | ${each.badApi} | ${each.badWorker} | ${each.goodApi} | ${each.goodWorker} | ${each.work} | ${each.endApi} | ${each.endWorker} |`,
    ),
  ];
  return lines.join("\n");
}
