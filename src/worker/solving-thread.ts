// The program of a thread that does the work passed at its start, and then exits.
import { parentPort, workerData } from "node:worker_threads";
import { LinkageError } from "../core/errors.js";
import type { ThreadAnswer, ThreadWork } from "./solve-in-thread.js";
import { permuteRows, solvePairs } from "./solving.js";

function answerTo(work: ThreadWork): ThreadAnswer {
  try {
    const result =
      work.type === "solve"
        ? solvePairs(work.pairs, work.recordCounts)
        : permuteRows(work.groups, work.recordCounts);
    return { result };
  } catch (error) {
    if (!(error instanceof LinkageError)) throw error;
    return { error: { ...error, message: error.message } }; // an error object loses its class between threads
  }
}

parentPort!.postMessage(answerTo(workerData as ThreadWork));
