/** The middle one; of an even number, the mean of the two in the middle. NaN of none. */
export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

/** The number that so large a part of the others lies below: 0.95 is the 95th percentile. */
export function share(part: number, numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

/** Rows as a table of Markdown, the first one its head. */
export function table(rows: (string | number)[][]): string {
  const [head = [], ...rest] = rows;
  return [line(head), line(head.map(() => "---")), ...rest.map(line)].join("\n") + "\n";
}

const line = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
