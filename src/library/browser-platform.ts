import type { Platform } from "./platform.js";
import type { FromThread } from "./thread-protocol.js";

/** Threads as Web Workers, from a blob of the embedded program: there is no second file to serve or to bundle. */
export const browserPlatform: Platform = {
  threadCount: () => globalThis.navigator?.hardwareConcurrency ?? 1,
  spawn(program, onMessage, onFailure) {
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onmessage = (event: MessageEvent<FromThread>) => onMessage(event.data);
    worker.onerror = (event) => onFailure(event.message || "refused by the page's policy");
    return {
      post: (message) => worker.postMessage(message),
      keepAlive: () => {},
      terminate: () => {
        worker.terminate();
        URL.revokeObjectURL(url);
      },
    };
  },
};
