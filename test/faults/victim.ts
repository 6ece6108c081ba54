import { setTimeout as pause } from "node:timers/promises";

/** A program or server that can be killed, started again, and made to stand still. */
export class Victim {
  /** Whether nothing is being done to it. */
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
