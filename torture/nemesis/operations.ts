import { setTimeout as sleep } from "node:timers/promises";
import { runCli } from "../../test/support/run-cli.ts";
import { callAs } from "../../test/support/call.ts";
import type { Past } from "../clients/past.ts";
import { connectTo, type Postgres } from "../stage/postgres.ts";
import type { Evil } from "./nemesis.ts";

/** What operators do while work goes on; it may fail if the server is killed meanwhile, and is then done again. */
const migrateAgain: Evil = {
  name: "migrate again",
  weight: 3,
  async act({ postgres }) {
    const { code, stderr } = await runCli(["migrate"], { DATABASE_URL: postgres.url() });
    if (
      code !== 0 &&
      !/recovery mode|terminat|connect|shutting down|starting up|clients already/i.test(stderr)
    ) {
      throw new Error(`daybook migrate: ${stderr}`);
    }
    return code === 0 ? "done" : "disturbed";
  },
};

/** The current month is written anew, as operators do to give back room: it takes the table for itself meanwhile. */
const rewriteMonth: Evil = {
  name: "rewrite a month",
  weight: 3,
  async act({ postgres }, draw) {
    const parent = draw() < 0.5 ? "daybook.entries" : "daybook_private.log_events";
    await postgres.ask("select"); // it may just be recovering
    const client = await connectTo(postgres.url());
    try {
      const { rows } = await client.query<{ sql: string }>(
        `select format('vacuum full %s', $1 || to_char(now() at time zone 'UTC', '_YYYYMM')) as sql`,
        [parent],
      );
      await client.query("set lock_timeout to '2s'");
      await client.query(rows[0]!.sql);
      return "done";
    } catch (error) {
      // Never free for a moment, or killed in the middle: then it is as it was.
      if (/^(55P03|57P|08)/.test((error as { code?: string }).code ?? "08")) return "given up";
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  },
};

/** No more may be queued for a moment: who asks is sent away, to come again; what is queued is applied all the same. */
const limitQueue: Evil = {
  name: "limit the queue",
  weight: 4,
  async act({ postgres, past }, draw) {
    const limit = "select max_depth from daybook_private.queue_limits where ledger = '*'";
    const { max_depth: before } = (await postgres.ask(limit)).rows[0] as { max_depth: string };
    const set = async (depth: string) => {
      const { rows } = await postgres.ask("select daybook.set_queue_limit($1) as said", [depth]);
      if (rows[0].said !== depth)
        throw new Error(`a queue limit of ${depth} became ${rows[0].said}`);
    };
    await set("0");
    try {
      const told = await enqueueOne(postgres, past);
      if (!/^(LDQUE|57P|08|E)/.test(told))
        throw new Error(`the queue was closed, and who enqueued was told ${told}`);
      await sleep(draw() * 1_500);
      return told;
    } finally {
      await set(before);
    }
  },
};

/** What somebody is told who enqueues a transaction: a code, or `accepted`. */
async function enqueueOne(postgres: Postgres, { ledger, accounts }: Past): Promise<string> {
  const client = await connectTo(postgres.url()).catch(() => undefined);
  const entries = ["debit", "credit"].map((direction) => ({
    account: accounts[0],
    direction,
    amount: 1,
  }));
  const transactions = [{ entries, idempotency_key: `closed ${performance.now()}` }];
  try {
    if (!client) return "E";
    await callAs(client, "enqueue_transactions", { ledger, transactions });
    return "accepted";
  } catch (error) {
    return (error as { code?: string }).code ?? "E";
  } finally {
    await client?.end().catch(() => {});
  }
}

export const operationEvils = [migrateAgain, rewriteMonth, limitQueue];
