/**
 * Grows books to ten million transactions of a million accounts in a thousand ledgers, one account of them with a hundred
 * thousand entries on one day; then reports rates, sizes, how long questions take, and what single calls come to in books so
 * large, beside young ones (so many rounds of so many seconds).
 *
 *   npm run bench:grown -- [--transactions 10000000] [--accounts 1000000] [--ledgers 1000] [--busy 100000]
 *                          [--clients 2] [--minutes 600] [--data .daybook/grown] [--verify all|large|none]
 *                          [--rounds 3] [--seconds 7]
 *
 * What is there is kept: after an interruption, or when --minutes are over, the same command goes on. On an embedded
 * PostgreSQL in the folder --data, or on BENCH_DATABASE_URL (a superuser's URL), in the database daybook_bench_grown,
 * which is yours to drop. Ten million take some 50 GB of disk.
 */
import { Client } from "../src/client.ts";
import { consoleLog, silentLog } from "../src/log.ts";
import { startFolding } from "../src/worker/fold.ts";
import { table } from "./figures.ts";
import { readFlags } from "./flags.ts";
import { finish, type Done } from "./grown/finish.ts";
import { grow } from "./grown/grow.ts";
import { callRates } from "./grown/rates.ts";
import { growth, questions, sizes } from "./grown/report.ts";
import { verify } from "./grown/verify.ts";
import { describeMachine } from "./machine.ts";
import { makeLedger, openServer } from "./server.ts";

const values = readFlags({
  transactions: "10000000",
  accounts: "1000000",
  ledgers: "1000",
  busy: "100000",
  batch: "1000",
  clients: "2",
  minutes: "600",
  data: ".daybook/grown/pg",
  verify: "all",
  rounds: "3",
  seconds: "7",
});
const log = consoleLog("grown");
const number = (name: "transactions" | "accounts" | "ledgers" | "busy" | "batch") =>
  Number(values[name]);
const plan = {
  transactions: number("transactions"),
  accounts: number("accounts"),
  ledgers: number("ledgers"),
  busy: number("busy"),
  batch: number("batch"),
};
const clients = Number(values.clients);

const server = await openServer({ dataDir: values.data });
try {
  const url = await server.keepDatabase("daybook_bench_grown");
  await makeLedger(url);
  const folding = startFolding({ connectionString: url, log: silentLog });
  const isGrown = await grow({ url, plan, clients, minutes: Number(values.minutes) }).finally(() =>
    folding.stop(),
  );
  if (isGrown) await report(url);
  else log.info("there is more to come: run it again");
} finally {
  await server.stop();
}

async function report(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    console.log(await describeMachine(server));
    console.log(`Grown by ${clients} clients in calls of ${plan.batch}: ${JSON.stringify(plan)}\n`);
    console.log(await growth(client, plan));
    log.info("sealing, indexing and rolling up what there is");
    console.log(rates(await finish(url, clients)));
    await client.query("vacuum analyze");
    console.log(await sizes(client));
    console.log(await questions(client));
    const load = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
    if (load.rounds > 0) console.log(await callRates(server, url, plan, load));
    log.info("verifying");
    if (values.verify !== "none")
      console.log(rates(await verify(url, values.verify === "large" ? "l0" : undefined)));
  } finally {
    await client.end();
  }
}

function rates(done: Done[]): string {
  const lines = done
    .filter(({ count }) => count > 0)
    .map(({ what, count, seconds }) => {
      const each = (1e6 * seconds) / count;
      return [what, count, seconds.toFixed(1), Math.round(count / seconds), each.toFixed(0)];
    });
  return table([["what", "how many", "seconds", "per second", "µs each, by the clock"], ...lines]);
}
