import type { FromThread, ToThread } from "./thread-protocol.js";

/** A running thread, whatever the platform calls it. */
export interface Thread {
  post(message: ToThread): void;
  /** Whether the thread keeps the process alive; a thread without work must not. */
  keepAlive(alive: boolean): void;
  terminate(): void;
}

/** What the library needs of Node or a browser. */
export interface Platform {
  /** Threads that can run at once. */
  readonly threadCount: () => number;
  /**
   * Starts a thread that runs the program.
   *
   * @param onMessage called with each message from the thread
   * @param onFailure called once if the thread cannot start or dies
   */
  readonly spawn: (
    program: string,
    onMessage: (message: FromThread) => void,
    onFailure: (reason: string) => void,
  ) => Thread;
}

let current: Platform | undefined;

/** Sets the platform; each entry point of the library does so once. */
export function usePlatform(platform: Platform): void {
  current = platform;
}

/** The platform, if threads can be had at all. */
export function platform(): Platform | undefined {
  return current;
}
