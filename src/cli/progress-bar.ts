import { SingleBar } from "cli-progress";
import type { Progress } from "../library/node.js";

/** A progress bar on standard error if that is a terminal; otherwise prints nothing. */
export class ProgressBar {
  readonly #bar: SingleBar | undefined;
  #started = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    if (stream.isTTY) {
      const format = "comparing {bar} {percentage} % | {eta_formatted} left";
      this.#bar = new SingleBar({ stream, format, hideCursor: true, clearOnComplete: true });
    }
  }

  readonly update = ({ comparisons, total }: Progress): void => {
    if (this.#bar === undefined || total === 0) return;
    if (!this.#started) this.#bar.start(total, 0);
    this.#started = true;
    this.#bar.update(comparisons);
  };

  stop(): void {
    if (this.#started) this.#bar?.stop();
  }
}
