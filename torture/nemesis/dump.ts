import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { connectTo } from "../stage/postgres.ts";
import { WORKING } from "../stage/logins.ts";
import { prepare, type Stage } from "../stage/stage.ts";
import type { Evil } from "./nemesis.ts";

/** Tables of the ledger that hold rows of their own, or those of their partitions. */
const TABLES = `
  select c.oid::regclass::text as name
    from pg_class c
   where c.relnamespace in ('daybook'::regnamespace, 'daybook_private'::regnamespace)
     and c.relkind in ('r', 'p') and not c.relispartition
   order by 1`;

let dumps = 0;

/**
 * What an operator does who moves to another machine: writers are kept out, all rows are copied out and, with triggers
 * and foreign keys off, into a new cluster that was migrated, as pg_dump and pg_restore do. Transaction numbers and
 * physical order begin anew there; nothing may depend on them.
 */
const dumpAndRestore: Evil = {
  name: "dump and restore into a new cluster",
  weight: 0.6,
  async act(stage) {
    const folder = join(stage.folder, `dump-${++dumps}`);
    mkdirSync(folder);
    chmodSync(folder, 0o777); // it is the server that writes
    await keepOut(stage);
    const dumped = await dump(stage, folder);
    const old = stage.postgres.dataDir();
    await stage.postgres.stop();
    await stage.postgres.moveTo(`pg-${dumps}`);
    stage.postgres.hide();
    await prepare(stage.postgres, stage.mutation);
    await restore(stage, folder, dumped);
    for (const path of [folder, old]) rmSync(path, { recursive: true, force: true });
    stage.postgres.show();
    return `${dumped.tables.length} tables`;
  },
};

/** Clients and services find nobody until the new cluster is ready; who is inside is sent out. */
async function keepOut({ postgres, proxies }: Stage): Promise<void> {
  postgres.hide();
  proxies.sql.endAll();
  proxies.inside.endAll();
  const inside = `select from (select pg_terminate_backend(pid, 10000) from pg_stat_activity
                   where usename in (${WORKING})) t`;
  while ((await postgres.ask(inside)).rowCount !== 0) continue;
}

type Dump = { tables: string[]; position: string };

async function dump({ postgres }: Stage, folder: string): Promise<Dump> {
  const client = await connectTo(postgres.url());
  try {
    await client.query("begin isolation level repeatable read");
    const tables = (await client.query(TABLES)).rows.map(({ name }) => name as string);
    for (const table of tables) {
      await client.query(`copy (select * from ${table}) to '${join(folder, table)}'`);
    }
    const { rows } = await client.query(
      "select last_value as position from daybook_private.queue_positions",
    );
    await client.query("commit");
    return { tables, position: rows[0].position };
  } finally {
    await client.end();
  }
}

async function restore({ postgres, past }: Stage, folder: string, dumped: Dump): Promise<void> {
  const { tables, position } = dumped;
  const client: Client = await connectTo(postgres.url());
  try {
    for (const month of past.months)
      await client.query("select daybook.prepare_restore($1)", [month]);
    // Months that are out have tables that no migration makes.
    for (const table of tables.filter((name) => name.endsWith("_detached")))
      await client.query(
        `create table ${table} (like daybook.entries including storage);
         alter table ${table} owner to daybook_owner`,
      );
    await client.query("begin");
    await client.query("set local session_replication_role to replica");
    await client.query(`truncate ${tables.join(", ")}`);
    for (const table of tables) await client.query(`copy ${table} from '${join(folder, table)}'`);
    await client.query("select setval('daybook_private.queue_positions', $1)", [position]);
    await client.query("commit");
    await client.query("analyze");
  } finally {
    await client.end();
  }
}

export const dumpEvils = [dumpAndRestore];
