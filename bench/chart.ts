import type { Outcome } from "./alternate.ts";

/* Everything in pixels. */
const [LABELS, PLOT, MARGIN, ROW, TOP] = [430, 460, 30, 30, 56];
const [LEAST, GREATEST] = [1 / 8, 64];

/** Where a ratio stands: doublings take equal room. */
function x(ratio: number): number {
  const held = Math.min(GREATEST, Math.max(LEAST, ratio));
  return LABELS + (PLOT * Math.log2(held / LEAST)) / Math.log2(GREATEST / LEAST);
}

/**
 * The ratios as a picture (SVG): a dot for the median, a line from the least to the greatest of the rounds, and
 * marks for what is asked for and for the goal.
 */
export function chart(outcomes: Outcome[], title: string): string {
  const shown = outcomes.filter(({ ratio }) => ratio);
  const height = TOP + shown.length * ROW + MARGIN;
  const width = LABELS + PLOT + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="20" font-size="14">${escape(title)}</text>
${grid(height)}
${shown.map(line).join("\n")}
<text x="12" y="${height - 10}" font-size="10" fill="#777">dot: median of the rounds; line: least to greatest; marks: asked for (orange), goal (blue); green reaches the last of them, amber only the first</text>
</svg>
`;
}

function grid(height: number): string {
  const lines: string[] = [];
  for (let ratio = LEAST; ratio <= GREATEST; ratio *= 2) {
    const [at, colour] = [x(ratio).toFixed(1), ratio === 1 ? "#555" : "#ddd"];
    const label = ratio < 1 ? `1/${1 / ratio}` : `${ratio}`;
    lines.push(
      `<line x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${height - MARGIN}" stroke="${colour}"/>`,
      `<text x="${at}" y="${TOP - 14}" text-anchor="middle" fill="#555">${label}</text>`,
    );
  }
  return lines.join("\n");
}

function line(outcome: Outcome, row: number): string {
  const { name, against, bar, goal, ratio } = outcome;
  const y = TOP + row * ROW + ROW / 2;
  const { median, least, greatest } = ratio!;
  const colour = colourOf(outcome);
  const [from, to, at] = [least, greatest, median].map((value) => x(value).toFixed(1));
  const marks = mark(bar, y, "#c80") + mark(goal, y, "#27c");
  return `<g><title>${escape(`${name}: ${median.toFixed(2)} of ${against}`)}</title>
<text x="${LABELS - 12}" y="${y - 2}" text-anchor="end">${escape(name)}</text>
<text x="${LABELS - 12}" y="${y + 10}" text-anchor="end" font-size="9" fill="#777">of ${escape(against!)}</text>
${marks}<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" stroke-opacity="0.45"/>
<circle cx="${at}" cy="${y}" r="5" fill="${colour}"/></g>`;
}

function colourOf({ bar, goal = bar, ratio }: Outcome): string {
  if (goal === undefined) return "#446";
  if (ratio!.median >= goal) return "#283";
  return bar !== undefined && ratio!.median >= bar ? "#b80" : "#b31";
}

function mark(ratio: number | undefined, y: number, colour: string): string {
  if (ratio === undefined) return "";
  const at = x(ratio).toFixed(1);
  return `<line x1="${at}" x2="${at}" y1="${y - 9}" y2="${y + 9}" stroke="${colour}" stroke-width="2"/>`;
}

const escape = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
