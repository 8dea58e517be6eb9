import { readFileSync } from "node:fs";
import { join } from "node:path";
import { consoleLog, silentLog } from "../src/log.ts";
import { startWorker } from "../src/worker/start.ts";
import { alternate, type Outcome } from "./alternate.ts";
import type { Case } from "./cases.ts";
import { untilDrained } from "./drained.ts";
import { rateOf } from "./driver.ts";
import type { Options } from "./options.ts";
import { queueAgeDuring, type QueueAge } from "./queue-age.ts";
import { makeLedger, serviceLogin, sql, type BenchServer } from "./server.ts";

const log = consoleLog("bench");

/** URLs of the databases of the cases, and of the login of a service that uses the ledger. */
type Places = Record<Case["database"] | "service", string>;

export type Measured = {
  outcomes: Outcome[];
  /** How long the oldest entry had waited to be folded. */
  queueAge: QueueAge;
};

/** Measures cases in alternation, while a worker does its work on the ledger. */
export async function measureCases(
  server: BenchServer,
  cases: Case[],
  options: Options,
): Promise<Measured> {
  const places = await prepare(server, cases, options);
  const worker = await startWorker({
    connectionString: places.daybook,
    log: { ...silentLog, error: log.error },
  });
  try {
    const short = { ...options, seconds: Math.min(1, options.seconds) };
    for (const each of cases.slice(0, 3)) await measure(each, 0, places, short); // caches, files, plans
    let outcomes: Outcome[] = [];
    let current = "";
    const run = (each: Case, round: number) => {
      current = each.name;
      return measure(each, round, places, options);
    };
    const queueAge = await queueAgeDuring(
      places.daybook,
      () => current,
      async () => (outcomes = await alternate(cases, options.rounds, run)),
    );
    return { outcomes, queueAge };
  } finally {
    await worker.stop();
  }
}

async function prepare(server: BenchServer, cases: Case[], options: Options): Promise<Places> {
  const tpcb = await server.createDatabase("daybook_bench_tpcb");
  const text = read(join(import.meta.dirname, "tpcb-setup.sql"));
  await sql(tpcb, text.replaceAll(":scale", `${options.clients}`), "vacuum analyze");
  const daybook = await server.createDatabase("daybook_bench");
  await makeLedger(daybook);
  await sql(daybook, read(join(import.meta.dirname, "setup.sql")), "vacuum analyze");
  const isRawMeant = cases.some(({ database }) => database === "raw");
  const raw = isRawMeant
    ? await server.createDatabase("daybook_bench_raw", "daybook_bench")
    : daybook;
  const service = await serviceLogin(daybook);
  const alone = new URL(service);
  if (cases.some(({ database }) => database === "alone"))
    alone.pathname = new URL(
      await server.createDatabase("daybook_bench_alone", "daybook_bench"),
    ).pathname;
  let own = daybook;
  if (options.compareSetup) {
    own = await server.createDatabase("daybook_bench_own");
    await sql(own, read(options.compareSetup), "vacuum analyze");
  }
  return { tpcb, daybook, own, raw, alone: alone.href, service };
}

const read = (file: string) => readFileSync(file, "utf8");

async function measure(
  each: Case,
  round: number,
  places: Places,
  { seconds, clients }: Options,
): Promise<number> {
  await sql(places.daybook, "checkpoint"); // every run begins with the same distance to the next one
  // The service's own login for the ledger, so that grants are checked as they would be.
  const place = each.database === "daybook" && !each.isOfSuperuser ? "service" : each.database;
  const rate = await rateOf(new URL(places[place]), each, seconds, clients);
  if (each.script.startsWith("enqueue") && each.database === "daybook")
    await untilDrained(places.daybook);
  log.info(`${round ? `round ${round}` : "warm-up"}: ${each.name}: ${rate.toFixed(0)}/s`);
  return rate;
}
