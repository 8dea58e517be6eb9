import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./alternate.ts";
import { chart } from "./chart.ts";
import { table } from "./figures.ts";

export type Report = {
  machine: string;
  /** How it was measured, in a sentence. */
  how: string;
  outcomes: Outcome[];
  /** What the studies printed, under their names. */
  studies: { name: string; text: string }[];
  /** Further sentences. */
  remarks: string[];
};

const HEAD = [
  "case",
  "per second (median)",
  "against",
  "ratio (median, least … greatest)",
  "asked for",
  "goal",
];

/** The rates and ratios as a table of Markdown. */
export function ratesTable(outcomes: Outcome[]): string {
  return table([
    HEAD,
    ...outcomes.map(({ name, rate, against = "", ratio, bar = "", goal = "" }) => {
      const spread = ratio
        ? `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} … ${ratio.greatest.toFixed(2)})`
        : "";
      return [name, rate.toFixed(0), against, spread, bar, goal];
    }),
  ]);
}

/** The whole report in Markdown. */
export function markdown({ machine, how, outcomes, studies, remarks }: Report): string {
  const rates = outcomes.length ? ["![The ratios](ratios.svg)\n", ratesTable(outcomes)] : [];
  const parts = studies.map(({ name, text }) => `## ${name}\n\n${text.trim()}\n`);
  return [
    "# Benchmark\n",
    machine,
    `${how}\n`,
    ...rates,
    ...remarks.map((each) => `${each}\n`),
    ...parts,
  ].join("\n");
}

/**
 * Writes the report into a folder, which is made if missing; if cases were measured with a chart and the plain figures. Those of
 * an earlier report never stay beside it.
 */
export function writeReport(folder: string, report: Report): void {
  const { outcomes, how } = report;
  const [chartFile, figuresFile] = ["ratios.svg", "figures.json"].map((file) => join(folder, file));
  mkdirSync(folder, { recursive: true });
  for (const file of [chartFile!, figuresFile!]) rmSync(file, { force: true });
  writeFileSync(join(folder, "report.md"), markdown(report));
  if (outcomes.length === 0) return;
  writeFileSync(chartFile!, chart(outcomes, `Ratios. ${how}`));
  writeFileSync(figuresFile!, `${JSON.stringify({ how, outcomes }, null, 2)}\n`);
}
