import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { Log } from "../src/log.ts";
import { clients, pgbench } from "./pgbench.ts";

export type AgeOptions = {
  url: string;
  client: Client;
  /** How many accounts the load is spread over. */
  accounts: number;
  minutes: number;
  log: Log;
};

/** Opens accounts up to a number, past the ledger's functions, which would take long; 10 000 are there already. */
export async function openAccounts({ client, accounts, log }: AgeOptions): Promise<void> {
  for (let n = 10_000; n < accounts; n += 10_000) {
    await client.query(OPEN, [n]);
    if (n % 100_000 === 0) log.info(`${n} accounts`);
  }
  await client.query("vacuum analyze");
}

const OPEN = `
  with opened as (
    insert into daybook.accounts (ledger, address, currency, currency_exponent, normal_balance, request_hash)
    select 'main', 'users:' || i, 'USD', 2, 'credit', 0 from generate_series($1::integer + 1, $1 + 10000) i
    returning *
  )
  insert into daybook_private.account_counters (ledger, account_id, address, currency, currency_exponent, normal_balance)
  select o.ledger, o.id, o.address, o.currency, o.currency_exponent, o.normal_balance from opened o`;

/**
 * Writes at full load and tells, every minute, how long the oldest activity has waited for a look, and how
 * many accounts had a full one.
 */
export async function watchAge(options: AgeOptions): Promise<void> {
  const { url, client, accounts, minutes, log } = options;
  const load = ["-n", "-M", "prepared", "-c", `${clients}`, "-j", "2", "-T", `${minutes * 60}`];
  const script = [
    "-D",
    `accounts=${accounts}`,
    "-f",
    join(import.meta.dirname, "create-among.sql"),
  ];
  let isOver = false;
  const writing = pgbench(new URL(url), [...load, ...script]).finally(() => (isOver = true));
  for (let minute = 1; minute <= minutes; minute++) {
    await Promise.race([sleep(60_000), writing]);
    const { rows } = await client.query(AGE);
    log.info(`minute ${minute}: ${JSON.stringify(rows[0])}`);
    if (isOver) break;
  }
  const rate = /tps = ([\d.]+)/.exec(await writing)?.[1];
  log.info(`${Math.round(Number(rate))} transactions per second`);
}

/** Accounts with entries that nobody has looked at, and how old the first such entry is, in seconds. */
const AGE = `
  with waiting as (
    select extract(epoch from clock_timestamp() - e.created_at) as age
      from daybook_private.account_counters c
      left join daybook_private.account_checks r
        on r.ledger = c.ledger and r.account_id = c.account_id and not r.is_full
     cross join lateral (
       select e.created_at
         from daybook.entries e
        where e.ledger = c.ledger and e.account_id = c.account_id
          and e.lock_version = coalesce((r.reached).lock_version, 0) + 1
       offset 0) e
     where c.lock_version > coalesce((r.reached).lock_version, 0)
  )
  select count(*)::integer as waiting, round(max(age)) as oldest, round(percentile_cont(0.5) within group (order by age)) as median,
         (select count(*)::integer from daybook_private.account_checks where not is_full) as looked_at,
         (select count(*)::integer from daybook_private.account_checks where is_full and finished_at is not null) as looked_at_wholly
    from waiting`;
