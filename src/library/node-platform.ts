import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Platform } from "./platform.js";
import type { FromThread } from "./thread-protocol.js";

/** Threads on Node's worker_threads. */
export const nodePlatform: Platform = {
  threadCount: availableParallelism,
  spawn(program, onMessage, onFailure) {
    const worker = new Worker(
      `globalThis.threadPort = require("node:worker_threads").parentPort;${program}`,
      {
        eval: true,
        // The program needs none of the parent's loaders or flags.
        execArgv: [],
      },
    );
    worker.on("message", (message: FromThread) => onMessage(message));
    worker.on("error", (error: Error) => onFailure(error.message));
    worker.on("exit", (code: number) => onFailure(`exit code ${code}`));
    return {
      post: (message) => worker.postMessage(message),
      keepAlive: (alive) => (alive ? worker.ref() : worker.unref()),
      terminate: () => void worker.terminate(),
    };
  },
};
