import type { LinkResult, PopcountSummary } from "../library/node.js";
import { drawHistogram } from "./histogram.js";
import { describeQuality, type Quality } from "./truth.js";

/** The contents of `--result summary`. */
export interface Summary {
  readonly threshold: number;
  readonly rows: readonly number[];
  readonly byteLength: number;
  readonly pairs: number;
  readonly groups: number;
  readonly comparisons: number;
  readonly seconds: number;
  readonly kernel: string;
  readonly threads: number;
  readonly popcounts: readonly Omit<PopcountSummary, "counts">[];
  readonly scores: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  readonly quality?: { readonly pairs: Quality; readonly groups: Quality };
}

export function summarize(
  result: LinkResult,
  threshold: number,
  rows: readonly number[],
  byteLength: number,
  quality: Summary["quality"],
): Summary {
  const { comparisons, seconds, kernel, threads, popcounts, scoreHistogram } = result.statistics;
  const { from, binWidth, counts } = scoreHistogram;
  const border = (n: number) => Number((n === counts.length ? 1 : from + n * binWidth).toFixed(6));
  return {
    ...{
      threshold,
      rows,
      byteLength,
      pairs: result.pairs.scores.length,
      groups: result.groups.starts.length - 1,
    },
    ...{ comparisons, seconds, kernel, threads },
    popcounts: popcounts.map(({ counts: _, ...summary }) => summary),
    scores: Array.from(counts, (count, n) => ({ from: border(n), to: border(n + 1), count })),
    ...(quality === undefined ? {} : { quality }),
  };
}

/** The summary as text for people. */
export function summaryAsText(summary: Summary): string {
  const { rows, byteLength, comparisons, seconds, kernel, threads, quality } = summary;
  const number = (value: number) => value.toLocaleString("en-US");
  const percent = (mean: number) => `${((100 * mean) / (8 * byteLength)).toFixed(1)} %`;
  const speed = number(Math.round(comparisons / Math.max(seconds, 1e-6) / 1e6));
  const text = [
    ...rows.map(
      (count, party) =>
        `data set ${party}   ${number(count)} rows of ${byteLength} bytes, ${percent(summary.popcounts[party]!.mean)} ones`,
    ),
    `comparisons  ${number(comparisons)} in ${seconds.toFixed(3)} s, ${speed} million a second (${kernel} kernel, ` +
      `${threads} ${threads === 1 ? "thread" : "threads"})`,
    `pairs        ${number(summary.pairs)} with a score of at least ${summary.threshold}`,
    `groups       ${number(summary.groups)}`,
  ];
  if (quality !== undefined) {
    text.push(
      `of pairs     ${describeQuality(quality.pairs)}`,
      `of groups    ${describeQuality(quality.groups)}`,
    );
  }
  const bars = summary.scores.map(({ from, to, count }) => ({
    label: `${from.toFixed(3)}–${to.toFixed(3)}`,
    count,
  }));
  return `${text.join("\n")}\nscores\n${drawHistogram(bars)}\n`;
}
