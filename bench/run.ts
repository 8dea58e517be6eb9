/**
 * Measures the ledger beside PostgreSQL's own TPC-B script on one server, in alternation, then studies what a rate does
 * not tell; and writes a report. `npm run bench -- --help` says how.
 */
import { resolve } from "node:path";
import { consoleLog } from "../src/log.ts";
import { chooseAll } from "./alternate.ts";
import { cases as known, type Case } from "./cases.ts";
import { alternative } from "./compare.ts";
import { chooseDriver } from "./driver.ts";
import { describeMachine } from "./machine.ts";
import { measureCases } from "./measure.ts";
import { missingFile, readOptions, type Options } from "./options.ts";
import { markdown, writeReport, type Report } from "./report.ts";
import { openServer, type BenchServer } from "./server.ts";
import { runStudy, studies, type Study } from "./studies.ts";

const log = consoleLog("bench");
const options = readOptions(process.argv);
const { compare, only } = options;
const missing = missingFile(options);
const yours = compare
  ? alternative(compare, options.compareSetup !== undefined, options.compareUnits)
  : undefined;
const cases = yours ? [...known, yours] : known;

if (missing !== undefined) {
  console.error(`error: there is no file ${missing}`);
  process.exitCode = 1;
} else if (options.list) list();
else await measureAll();

function list(): void {
  for (const { name } of cases) console.log(`case   ${name}`);
  for (const { name, about, isLong } of studies)
    console.log(`study  ${name}: ${about}${isLong ? " (only by its name)" : ""}`);
}

async function measureAll(): Promise<void> {
  if (options.driver) process.env["BENCH_DRIVER"] = options.driver;
  if (options.url) process.env["BENCH_DATABASE_URL"] = options.url;
  const studied = studies.filter(({ name, isLong }) =>
    only === undefined ? !compare && !isLong : name === only,
  );
  const isStudy = only !== undefined && studied.length > 0;
  if (isStudy && yours) throw new Error(`${only} is a study: --compare goes beside cases`);
  const meant = [only, yours?.name].filter((name) => name !== undefined);
  const chosen = isStudy ? [] : chooseAll(cases, meant.length > 0 ? meant : [""]);

  const server = await openServer();
  try {
    const report: Report = {
      machine: await describeMachine(server),
      how: describe(options),
      outcomes: [],
      studies: [],
      remarks: [],
    };
    if (chosen.length) await addCases(server, chosen, report);
    for (const study of studied) await addStudy(server, study, report);
    console.log(markdown(report));
    log.info(`written to ${resolve(options.out)}`);
  } finally {
    await server.stop();
  }
}

function describe({ rounds, seconds, clients }: Options): string {
  return `${rounds} × ${seconds} s a case in alternation, ${clients} clients unless said otherwise, prepared statements.`;
}

async function addCases(server: BenchServer, chosen: Case[], report: Report): Promise<void> {
  if (chooseDriver() === "node")
    report.remarks.push(
      "The load was sent by Node.js, which takes more of the processor than pgbench does, and more for TPC-B's seven " +
        "statements than for one: these ratios flatter the ledger and are no match for pgbench's.",
    );
  const { outcomes, queueAge } = await measureCases(server, chosen, options);
  report.outcomes = outcomes;
  const { p99, max, during } = queueAge;
  report.remarks.push(
    `Oldest entry waiting to be folded, ten times a second all along: p99 ${p99.toFixed(0)} ms, ` +
      (max > 0 ? `at most ${max.toFixed(0)} ms (during: ${during}).` : "none at all."),
  );
  writeReport(options.out, report);
}

async function addStudy(server: BenchServer, study: Study, report: Report): Promise<void> {
  if (study.needsPgbench && chooseDriver() === "node") {
    report.remarks.push(`Left out for want of pgbench: ${study.about}.`);
    return;
  }
  log.info(study.name);
  const args =
    only === study.name && options.rest.length ? options.rest : options.quick ? study.quick : [];
  const text = await runStudy(study, server.url, args);
  report.studies.push({ name: study.about, text });
  writeReport(options.out, report); // of what is there, should a later one fail
}
