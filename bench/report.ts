import { mkdirSync, writeFileSync } from "node:fs";
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

/** The rates and ratios as a table of Markdown. */
export function ratesTable(outcomes: Outcome[]): string {
  return table([
    ["case", "per second (median)", "against", "ratio (median, least … greatest)", "asked for"],
    ...outcomes.map(({ name, rate, against = "", ratio, bar = "" }) => {
      const spread = ratio
        ? `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} … ${ratio.greatest.toFixed(2)})`
        : "";
      return [name, rate.toFixed(0), against, spread, bar];
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

/** Writes the report, its chart, and the plain figures into a folder, which is made if missing. */
export function writeReport(folder: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "report.md"), markdown(report));
  if (report.outcomes.length)
    writeFileSync(join(folder, "ratios.svg"), chart(report.outcomes, `Ratios. ${report.how}`));
  const { outcomes, how } = report;
  writeFileSync(join(folder, "figures.json"), `${JSON.stringify({ how, outcomes }, null, 2)}\n`);
}
