import type { FromThread, ToThread } from "./thread-protocol.js";

/** A running thread on any platform. */
export interface Thread {
  post(message: ToThread): void;
  /** Sets whether the thread keeps the process alive; a thread without work must not. */
  keepAlive(alive: boolean): void;
  terminate(): void;
}

/** What the library needs from Node or a browser. */
export interface Platform {
  /** The number of threads that can run at once. */
  readonly threadCount: () => number;
  /**
   * Starts a thread that runs the program.
   *
   * @param onMessage called with each message from the thread
   * @param onFailure called if the thread cannot start, fails or exits; possibly several times
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

/** The platform, or undefined if no entry point has set one. */
export function platform(): Platform | undefined {
  return current;
}
