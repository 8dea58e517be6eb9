import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog, silentLog } from "../../src/log.ts";
import { startFolding } from "../../src/worker/fold.ts";
import { alternate } from "../alternate.ts";
import type { Case } from "../cases.ts";
import { rateOf } from "../driver.ts";
import { ratesTable } from "../report.ts";
import { makeLedger, serviceLogin, sql, type BenchServer } from "../server.ts";
import { BUSY, LARGE, usersOf, type Plan } from "./plan.ts";

const log = consoleLog("grown");

const YOUNG = "daybook_bench_young";
const calls = {
  create_transaction: "create.sql",
  "hot account in each, no conditions": "create-hot.sql",
  account_balance: "balance.sql",
};

/**
 * Single calls in the large ledger of grown books, among all of its accounts, beside the same calls in young books of 10 000
 * accounts on the same server, in alternation: what size does to them. Entries are folded, nothing else is done meanwhile.
 * @returns a table of Markdown
 */
export async function callRates(
  server: BenchServer,
  grown: string,
  plan: Plan,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<string> {
  const young = await server.createDatabase(YOUNG);
  await makeLedger(young);
  const setup = readFileSync(join(import.meta.dirname, "../setup.sql"), "utf8");
  await sql(young, setup, "vacuum analyze");
  await sql(grown, `select daybook.grant_ledger_access('bench_service', '${LARGE}', 'write')`);
  const service = await serviceLogin(young);
  const folding = [young, grown].map((connectionString) =>
    startFolding({ connectionString, log: silentLog }),
  );
  try {
    const measure = async (each: Case, round: number) => {
      await sql(server.url, "checkpoint");
      const pathname = new URL(each.database === "own" ? grown : young).pathname;
      const rate = await rateOf(Object.assign(new URL(service), { pathname }), each, seconds);
      log.info(`round ${round}: ${each.name}: ${rate.toFixed(0)}/s`);
      return rate;
    };
    return ratesTable(await alternate(casesOf(server, plan), rounds, measure));
  } finally {
    await Promise.all(folding.map(({ stop }) => stop()));
    await sql(server.url, `drop database ${YOUNG} with (force)`); // the server may be one that keeps its data
  }
}

/** Each call in the young ledger, and in the grown one compared with it. */
function casesOf({ folder }: BenchServer, plan: Plan): Case[] {
  return Object.entries(calls).flatMap(([name, script]): Case[] => {
    const against = `${name}, young books`;
    const ofGrown = join(folder, script);
    writeFileSync(ofGrown, inGrown(script, plan));
    return [
      { name: against, script, database: "alone" },
      { name: `${name}, grown books`, script: ofGrown, database: "own", against },
    ];
  });
}

/** A script for the ledger of bench/setup.sql as one for the large ledger of grown books. */
function inGrown(script: string, plan: Plan): string {
  return readFileSync(join(import.meta.dirname, "..", script), "utf8")
    .replaceAll("'main'", `'${LARGE}'`)
    .replaceAll("random(1, 10000)", `random(1, ${usersOf(plan, 0)})`)
    .replaceAll("'bank' || chr(58) || 'settlement'", `'${BUSY.account}'`);
}
