import { setTimeout as pause } from "node:timers/promises";

/** A program or server that can be killed, restarted and paused. */
export class Victim {
  /** Whether no fault is in progress on it. */
  isFree = true;

  constructor(
    readonly name: string,
    private readonly target: {
      kill(): Promise<void>;
      /** Resolves when it can be used. */
      start(): Promise<void>;
      signal?(signal: NodeJS.Signals): void;
    },
  ) {}

  async killFor(ms: number): Promise<void> {
    this.isFree = false;
    await this.target.kill();
    await pause(ms);
    await this.target.start();
    this.isFree = true;
  }

  async standStillFor(ms: number): Promise<void> {
    this.isFree = false;
    this.target.signal!("SIGSTOP");
    await pause(ms);
    this.target.signal!("SIGCONT");
    this.isFree = true;
  }
}
