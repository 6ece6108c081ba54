const BAR_WIDTH = 40;

/** One bar of a text histogram. */
export interface Bar {
  readonly label: string;
  readonly count: number;
}

/** Draws bars, the longest 40 characters wide; a count above 0 shows at least one character. */
export function drawHistogram(bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const labelWidth = Math.max(...bars.map(({ label }) => label.length));
  const countWidth = Math.max(...bars.map(({ count }) => String(count).length));
  return bars
    .map(({ label, count }) => {
      const bar = "█".repeat(Math.ceil((BAR_WIDTH * count) / most));
      return `  ${label.padStart(labelWidth)}  ${String(count).padStart(countWidth)}  ${bar}`.trimEnd();
    })
    .join("\n");
}
