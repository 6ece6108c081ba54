// The program of a comparison thread, in Node's worker_threads and in Web Workers: one task at a time. It yields to the
// event loop between tiles so that it receives "forget" messages.
import { type Comparison, type ComparisonTask, runTask } from "../core/comparison.js";
import { LinkageError } from "../core/errors.js";
import { Kernels } from "../core/kernel/kernels.js";
import { MatchCollector } from "../core/kernel/match-collector.js";
import { eventLoopTurn, TURN_INTERVAL_MS } from "./event-loop.js";
import type { FromThread, ThreadError, ToThread } from "./thread-protocol.js";

interface Port {
  onmessage: ((event: { data: ToThread }) => void) | null;
  postMessage(message: FromThread, transfer?: ArrayBuffer[]): void;
}

/** node-platform.ts stores the port here; in a Web Worker, the global object is the port. */
const port = ((globalThis as { threadPort?: Port }).threadPort ?? globalThis) as Port;
const jobs = new Map<number, { comparison: Comparison; limit: number }>();
let kernels: Promise<Kernels> | undefined;

port.onmessage = ({ data: message }) => {
  switch (message.type) {
    case "start":
      kernels = Kernels.load(message.modules);
      break;
    case "comparison":
      jobs.set(message.job, message);
      break;
    case "forget":
      jobs.delete(message.job);
      break;
    case "task":
      doTask(message.job, message.index, message.task).catch((error) =>
        port.postMessage({ type: "failed", job: message.job, error: partsOf(error) }),
      );
  }
};

async function doTask(job: number, index: number, task: ComparisonTask): Promise<void> {
  const loaded = await kernels!;
  const kernel = loaded.get(task.kernel);
  const known = jobs.get(job);
  if (known === undefined) return port.postMessage({ type: "stopped", job });
  const collector = new MatchCollector(known.limit);
  let comparisons = 0;
  let lastTurn = performance.now();
  for (const done of runTask(known.comparison, task, kernel, collector)) {
    comparisons += done;
    if (performance.now() - lastTurn < TURN_INTERVAL_MS) continue;
    port.postMessage({ type: "progress", job, comparisons });
    comparisons = 0;
    await eventLoopTurn();
    if (!jobs.has(job)) return port.postMessage({ type: "stopped", job });
    lastTurn = performance.now();
  }
  const pairs = loaded.sort(collector.take());
  port.postMessage({ type: "progress", job, comparisons });
  port.postMessage({ type: "done", job, index, pairs }, [
    pairs.scores.buffer as ArrayBuffer,
    pairs.leftRecords.buffer as ArrayBuffer,
    pairs.rightRecords.buffer as ArrayBuffer,
  ]);
}

function partsOf(error: unknown): ThreadError {
  if (error instanceof LinkageError) {
    const { code, message, ...details } = error;
    return { code, message, details };
  }
  return { code: "thread-failed", message: `A thread failed: ${error}.` };
}
