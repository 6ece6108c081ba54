const WIDTH = 760;
const LABEL_WIDTH = 210;
const NUMBER_WIDTH = 60;
const TOP = 48;
const ROW = 30;
const LINE = 18;

/** A bar: what was measured, and how many times faster than the peer it was. */
export interface Bar {
  readonly label: string;
  readonly ratio: number;
}

/**
 * Draws a bar chart as SVG. Bars start at zero and their lengths are proportional to the ratios.
 *
 * @param about the lines below the bars, such as what was measured and on which machine
 */
export function speedChart(title: string, bars: readonly Bar[], about: readonly string[]): string {
  const longest = Math.max(...bars.map(({ ratio }) => ratio));
  const scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / longest;
  const height = TOP + bars.length * ROW + about.length * LINE + 16;
  const rows = bars.map(({ label, ratio }, n) => {
    const y = TOP + n * ROW;
    const length = Math.max(1, Math.round(ratio * scale));
    return [
      `<text x="${LABEL_WIDTH - 10}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${length}" height="20" rx="3" fill="#3a7ca5"/>`,
      `<text x="${LABEL_WIDTH + length + 8}" y="${y + 15}" font-weight="bold">${shown(ratio)} ×</text>`,
    ].join("\n");
  });
  const notes = about.map((line, n) => {
    const y = TOP + bars.length * ROW + 14 + n * LINE;
    return `<text x="16" y="${y}" font-size="11" fill="#5b6b7b">${escaped(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Arial, sans-serif" font-size="13" fill="#1c2733">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="${LABEL_WIDTH}" y="28" font-size="16" font-weight="bold">${escaped(title)}</text>`,
    ...rows,
    ...notes,
    "</svg>\n",
  ].join("\n");
}

function shown(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
