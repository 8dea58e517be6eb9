import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { seal, verify } from "../support/sealing.ts";
import { callAs } from "../support/use-books.ts";

/* Which record of the same thing is the last one is told by ids, also after the server's clock was set back. */

let database: TestDatabase;
let client: Client;
let ledger: string;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connect();
});
beforeEach(async () => {
  ledger = await openLedger(database, { alice: { money: 100 } });
  await call("create_category", { category: "some", currency: "USD" });
});
afterAll(() => database?.drop());

const call = (name: string, args: object) => callAs(client, name, { ledger, ...args });

/** As if the last record had been made while the clock was ahead by an hour. */
async function shift(of: string): Promise<void> {
  await client.query("set session_replication_role = replica");
  const { rowCount } = await client.query(
    `update daybook_private.log_events set id = uuidv7(interval '1 hour')
      where ledger = $1 and id = (select id from daybook_private.log_events where ledger = $1 order by created_at desc limit 1)`,
    [of],
  );
  await client.query("reset session_replication_role");
  expect(rowCount).toBe(1);
}

const role = "test_reader";
const address = "alice";
const account = "alice";
const category = "some";

type Call = [string, object];
const CASES: [string, Call, Call, ...Call[]][] = [
  [
    "a grant",
    ["grant_ledger_access", { role, access: "read" }],
    ["revoke_ledger_access", { role }],
  ],
  [
    "a grant on a category",
    ["grant_category_access", { role, category }],
    ["revoke_category_access", { role, category }],
  ],
  [
    "a member",
    ["add_to_category", { category, account }],
    ["remove_from_category", { category, account }],
  ],
  [
    "a period",
    ["close_period", { until: "2026-01-01" }],
    ["reopen_period", { until: "2025-01-01" }],
  ],
  [
    "a limit",
    ["set_account_limits", { address, balance_min: 5 }],
    ["set_account_limits", { address, balance_min: 6 }],
  ],
  ["a closing", ["close_account", { address: "world" }], ["reopen_account", { address: "world" }]],
  [
    "an account's metadata",
    ["set_account_metadata", { address, metadata: { a: 1 } }],
    ["delete_account_metadata", { address, key: "a" }],
    ["set_account_metadata", { address, metadata: { a: 2 } }],
  ],
];

async function expectOrder(): Promise<void> {
  expect(await call("rebuild_from_log", {})).toEqual([]);
  await seal(client, ledger);
  expect(await verify(client, ledger)).toMatchObject({ problem: null });
}

test.each(CASES)("%s", async (_, first, ...others) => {
  await call(...first);
  await shift(ledger);
  for (const one of others) await call(...one);
  await expectOrder();
});

test.each(["posted", "pending"] as const)("metadata of a transaction made %s", async (status) => {
  const { rows } = await client.query(transfer(ledger, "alice", "world", 1, { status }));
  const { transaction_id } = rows[0];
  if (status === "pending") await shift(ledger);
  else await seal(client, ledger);
  await call("set_transaction_metadata", { transaction_id, metadata: { a: 1 } });
  await shift(ledger);
  await call("set_transaction_metadata", { transaction_id, metadata: { a: 2, b: 1 } });
  await call("delete_transaction_metadata", { transaction_id, key: "b" });
  await expectOrder();
});

test("the queue's limit, which is of the instance", async () => {
  await client.query("select daybook.set_queue_limit(1000)");
  await shift("*");
  for (const limit of [1001, 1002])
    await client.query("select daybook.set_queue_limit($1)", [limit]);
  await seal(client, "*");
  expect(await verify(client, "*")).toMatchObject({ problem: null });
});

test("many changes behind such a record stay close to it, in their order", async () => {
  await call("set_account_limits", { address, balance_min: 1 });
  await shift(ledger);
  for (let n = 2; n < 50; n++) await call("set_account_limits", { address, balance_min: n });
  const { rows } = await client.query(
    `select count(*)::integer, max(uuid_extract_timestamp(id)) < now() + interval '61 minutes' as is_near,
            array_agg((data ->> 'balance_min')::integer order by id) = array(select generate_series(1, 49)) as in_order
       from daybook_private.log_events where ledger = $1 and kind = 'set_account_limits'`,
    [ledger],
  );
  expect(rows).toEqual([{ count: 49, is_near: true, in_order: true }]);
});

test("where nothing is ahead, an id is the present time's", async () => {
  const { rows } = await client.query(
    `select n.id > uuidv7(interval '-1 second') and n.id < uuidv7(interval '1 second') as is_present
       from daybook_private.next_log_id($1, null) n (id)`,
    [ledger],
  );
  expect(rows).toEqual([{ is_present: true }]);
});
