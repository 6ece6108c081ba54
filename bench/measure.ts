import type { Peer, Question } from "./peer.js";

/** One measurement of ours and, if there is a peer, of the peer's on the same data. */
export interface Cell {
  readonly what: string;
  /** Median seconds. */
  readonly ours: number;
  readonly theirs?: number;
  /** theirs / ours */
  readonly ratio?: number;
  /** The target ratio. */
  readonly aim?: number;
  readonly note?: string;
}

/** A table of the report. */
export interface Section {
  readonly title: string;
  readonly about: string;
  readonly cells: readonly Cell[];
  /** How it was measured; filled in by the report. */
  readonly origin?: string;
}

/** What sections need to know. */
export interface Bench {
  readonly peer: Peer | undefined;
  /** Measurements per cell; the median is taken. */
  readonly runs: number;
  /** Small sizes only, to check that everything works. */
  readonly quick: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs `work` and returns the seconds it took. */
export async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/**
 * Measures ours and the peer's alternately, `runs` times each, after `warmUps` runs of ours (default 1).
 *
 * @param ours does the work once and returns a count to compare with the peer's, such as the number of pairs
 * @param question the question for the peer, whose answer has `seconds` and that count under `countName`
 */
export async function alternately(
  { peer, runs }: Bench,
  what: string,
  ours: () => Promise<number> | number,
  question?: Question,
  { countName = "pairs", aim, warmUps = 1 }: InTurnOptions = {},
): Promise<Cell> {
  const ourTimes: number[] = [];
  const theirTimes: number[] = [];
  let count = 0;
  let theirCount: number | undefined;
  for (let n = 0; n < warmUps; n++) await ours();
  for (let n = 0; n < runs; n++) {
    ourTimes.push(
      await seconds(async () => {
        count = await ours();
      }),
    );
    if (peer === undefined || question === undefined) continue;
    const answer = await peer.ask<Record<string, number>>(question);
    theirTimes.push(answer["seconds"]!);
    theirCount = answer[countName];
  }
  const cell = { what, ours: median(ourTimes), ...(aim === undefined ? {} : { aim }) };
  if (theirTimes.length === 0) return report({ ...cell, note: `${count} ${countName}` });
  const theirs = median(theirTimes);
  const note = theirCount === count ? `${count} ${countName}` : `${count} ${countName}, theirs ${theirCount}`;
  return report({ ...cell, theirs, ratio: theirs / cell.ours, note });
}

export interface InTurnOptions {
  readonly countName?: string;
  readonly aim?: number;
  readonly warmUps?: number;
}

/** Prints a finished cell to standard error. */
export function report(cell: Cell): Cell {
  const ratio = cell.ratio === undefined ? "" : `, ratio ${cell.ratio.toFixed(2)}`;
  process.stderr.write(`${cell.what}: ${(1000 * cell.ours).toFixed(1)} ms${ratio} (${cell.note ?? ""})\n`);
  return cell;
}
