import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { moveMonth, monthsAgo, settle, writeHistory } from "../support/history.ts";
import { transfer } from "../support/ledgers.ts";
import { asRefusal } from "../support/use-books.ts";

/* What is refused on the way out and on the way back. How a month leaves and returns: detach_month.test.ts. */

const OLDEST = monthsAgo(4);
const NEXT = monthsAgo(2);
const stored = `daybook_private.entries_${OLDEST.toISOString().slice(0, 7).replace("-", "")}_detached`;

let database: TestDatabase;
let ledger: string;

beforeAll(async () => {
  database = await createDatabase();
  ({ ledger } = await writeHistory(database, [4, 2, 0], 25));
}, 60_000);
afterAll(() => database?.drop());

const look = async (sql: string, values: unknown[] = []) =>
  (await database.pool.query(sql, values)).rows;
const refused = (sql: string, values: unknown[] = []) =>
  look(sql, values).then(
    (rows) => ({ code: "none", detail: { rows } }),
    (error: unknown) => asRefusal(error),
  );
const detach = (month: unknown, max = 1000) =>
  refused("select m.* from daybook.detach_month($1, $2) m", [month, max]);
const attach = (month: unknown, max = 1000) =>
  refused("select m.* from daybook.attach_month($1, $2) m", [month, max]);
const ofMonth = { code: "LDARG", detail: { argument: "month" } };

/** Changes the books behind the ledger's back. */
async function meddle(...statements: string[]): Promise<void> {
  const client = await database.connect();
  await client.query("begin; set local session_replication_role = replica");
  for (const sql of statements) await client.query(sql);
  await client.query("commit");
  await client.end();
}

beforeEach(async () => {
  expect(await violations(database)).toEqual([]);
  expect(await look("select * from daybook.detached_months")).toEqual([]);
});

test("a month is named by its first moment in UTC, is over, and the oldest with entries", async () => {
  const inside = new Date(OLDEST.getTime() + 3_600_000);
  for (const month of [
    null,
    "infinity",
    inside,
    "1969-12-01Z",
    "294276-12-01Z",
    monthsAgo(0),
    monthsAgo(-1),
    NEXT,
  ]) {
    expect({ month, ...(await detach(month)) }).toMatchObject(ofMonth);
  }
  for (const max of [0, -1, 100_001, null])
    expect(await detach(OLDEST, max as number)).toMatchObject({
      code: "LDARG",
      detail: { argument: "max_transactions" },
    });
  expect(await attach(OLDEST)).toMatchObject({ code: "none", detail: { rows: [{ month: null }] } });
});

test("only an administrator of every ledger may", async () => {
  for (const [login, code] of [
    ["test_writer", "42501"],
    ["test_reader", "42501"],
    ["test_admin", undefined],
  ] as const) {
    const client = await database.connectAs(login);
    await client.query("begin");
    for (const call of ["detach_month", "attach_month"]) {
      await client.query("savepoint s");
      const error = await client.query(`select daybook.${call}($1)`, [OLDEST]).then(
        () => undefined,
        (e: { code: string }) => e.code,
      );
      expect({ login, call, error }).toEqual({ login, call, error: code });
      await client.query("rollback to s");
    }
    await client.query("rollback");
  }
  const client = await database.connectAs("test_admin");
  await client.query("begin isolation level repeatable read");
  await expect(client.query("select daybook.detach_month($1)", [OLDEST])).rejects.toMatchObject({
    code: "LDISO",
  });
});

test("nobody deletes an entry by the way, not even beside a month that leaves", async () => {
  await detach(OLDEST, 5);
  for (const sql of [
    "delete from daybook.entries",
    `delete from daybook.entries where ledger = '${ledger}'`,
  ])
    expect(await refused(sql)).toMatchObject({ code: "LDIMM" });
  await moveMonth(database, "detach_month", OLDEST);
  await moveMonth(database, "attach_month", OLDEST);
});

test.each([
  [
    "queued",
    (on: boolean) => [
      on
        ? `insert into daybook_private.entry_queue select ledger, account_id, id, 0, 0, 0, 0 from daybook.entries where ledger = '${ledger}' order by id limit 1`
        : "delete from daybook_private.entry_queue",
    ],
    { queued: 1 },
  ],
  [
    "not sealed",
    (on: boolean) => [
      on
        ? `create table s as select * from daybook_private.seals where ledger = '${ledger}'; delete from daybook_private.seals where ledger = '${ledger}'`
        : "insert into daybook_private.seals table s; drop table s",
    ],
    { problem: "not sealed yet" },
  ],
  [
    "not as it was sealed",
    (on: boolean) => [
      `update daybook.entries set metadata = '${on ? '{"a":1}' : "{}"}' where ledger = '${ledger}'`,
    ],
    { problem: "not as it was sealed" },
  ],
  [
    "of wrong counters",
    (on: boolean) => [
      `update daybook.entries set posted_credits = posted_credits ${on ? "+" : "-"} 5 where ledger = '${ledger}' and lock_version = 2`,
    ],
    { lock_version: 2 },
  ],
  [
    "of a drifted account",
    (on: boolean) => [
      `update daybook_private.account_counters set drifted_at = ${on ? "now()" : "null"} where ledger = '${ledger}'`,
    ],
    { account: expect.any(String) },
  ],
])("entries do not leave that are %s", async (_, wrong, detail) => {
  await meddle(...wrong(true));
  const outcomes = [];
  for (let n = 0; n < 6; n++) outcomes.push(await detach(OLDEST));
  await meddle(...wrong(false));
  expect(outcomes).toContainEqual(
    expect.objectContaining({ code: "LDARG", detail: expect.objectContaining(detail) }),
  );
  if ((await look("select from daybook.detached_months")).length > 0) {
    await moveMonth(database, "detach_month", OLDEST);
    await moveMonth(database, "attach_month", OLDEST);
  }
});

test("a transaction stays whose entries were recorded on both sides of the month's end, or take effect behind it", async () => {
  const client = await database.connect();
  const until = monthsAgo(3);
  const leaves = async (id: string) =>
    (
      await client.query(
        "select daybook_private.detachable_transactions($1, array[$2::uuid], $3) = array[$2::uuid] as leaves",
        [ledger, id, until],
      )
    ).rows[0].leaves;
  const { rows } = await client.query(
    `select e.transaction_id as id, (array_agg(e.id order by e.id))[2] as entry from daybook.entries e
       join daybook.transactions t on t.ledger = e.ledger and t.id = e.transaction_id and t.status = 'posted'
      where e.ledger = $1 group by 1 having count(*) = 2 and max(e.effective_at) < $2 and max(e.created_at) < $2 limit 1`,
    [ledger, until],
  );
  const { id, entry } = rows[0];
  const last = "$2::timestamptz - interval '1 second'";
  for (const [changes, expected] of [
    [[], true],
    [[`update daybook.entries set effective_at = $2 where id = '${entry}' and $1 = ledger`], false],
    [[`update daybook.entries set created_at = $2 where id = '${entry}' and $1 = ledger`], false],
    [
      [`update daybook.transactions set posted_at = ${last} where id = '${id}' and $1 = ledger`],
      true,
    ],
    [
      [
        `update daybook.transactions set posted_at = ${last} where id = '${id}' and $1 = ledger`,
        `update daybook.entries set id = overlay(uuidv7()::text placing substr(daybook_private.uuid_at($2)::text, 1, 13) from 1)::uuid
          where id = '${entry}' and $1 = ledger`,
      ],
      false,
    ],
  ] as [string[], boolean][]) {
    await client.query("begin; set local session_replication_role = replica");
    for (const sql of changes) expect((await client.query(sql, [ledger, until])).rowCount).toBe(1);
    expect({ changes, leaves: await leaves(id) }).toEqual({ changes, leaves: expected });
    await client.query("rollback");
  }
});

test("one month at a time, and out before in", async () => {
  await detach(OLDEST, 5);
  expect(await attach(OLDEST)).toMatchObject(ofMonth);
  expect(await detach(NEXT)).toMatchObject(ofMonth);
  await moveMonth(database, "detach_month", OLDEST);
  expect(await detach(OLDEST)).toMatchObject({
    code: "none",
    detail: { rows: [{ state: "detached" }] },
  });
  await moveMonth(database, "detach_month", NEXT);
  expect(await attach(OLDEST)).toMatchObject(ofMonth);
  await attach(NEXT, 3);
  expect(await detach(NEXT)).toMatchObject(ofMonth);
  expect(await detach(monthsAgo(1))).toMatchObject(ofMonth);
  expect(await violations(database)).toEqual([]);
  await moveMonth(database, "attach_month", NEXT);
  await moveMonth(database, "attach_month", OLDEST);
});

test("a table that is gone, or is not what left, does not come back", async () => {
  await moveMonth(database, "detach_month", OLDEST);
  const one = `(ledger, id) in (select ledger, id from ${stored} where ledger = '${ledger}' limit 1)`;
  for (const [tamper, restore] of [
    [
      `alter table ${stored} rename to elsewhere`,
      `alter table daybook_private.elsewhere rename to ${stored.split(".")[1]}`,
    ],
    [`update ${stored} set amount = amount + 1 where ${one}`, undefined],
    [`delete from ${stored} where ${one}`, undefined],
    [`insert into ${stored} select * from ${stored} limit 2`, undefined],
    [
      `update ${stored} set created_at = created_at + interval '1 microsecond' where ${one}`,
      undefined,
    ],
    [`update ${stored} set lock_version = lock_version + 1 where ${one}`, undefined],
  ]) {
    await look(`create table kept as table ${stored}`);
    await look(tamper!);
    expect({ tamper, ...(await attach(OLDEST)) }).toMatchObject({
      ...ofMonth,
      detail: { stored_in: stored },
    });
    if (restore) await look(restore);
    await look(`truncate ${stored}; insert into ${stored} table kept; drop table kept`);
  }
  // Whoever can make the checksum fit as well still has the sealed log against him.
  await look(`create table kept as table ${stored}`);
  await look(`update ${stored} set metadata = '{"forged":true}' where ${one}`);
  const [{ checksum }] = await look(`select checksum from daybook.detached_months`);
  await look(
    `update daybook_private.detachments set checksum = (select sum(daybook_private.row_checksum(e::text)) from ${stored} e)`,
  );
  const outcomes = [];
  for (let n = 0; n < 4; n++) outcomes.push(await attach(OLDEST));
  expect(outcomes).toContainEqual(
    expect.objectContaining({
      code: "LDARG",
      detail: expect.objectContaining({ problem: "not as it was sealed" }),
    }),
  );
  const back = `insert into ${stored} select * from kept k where exists (select from t where t.ledger = k.ledger and t.id = k.id)`;
  await look(`create table t as table ${stored}; truncate ${stored}; ${back}; drop table t, kept`);
  await look(
    `update daybook_private.detachments set checksum = (select coalesce(sum(daybook_private.row_checksum(e::text)), 0) from ${stored} e)`,
  );
  expect(checksum).toMatch(/^-?\d+$/);
  await moveMonth(database, "attach_month", OLDEST);
});

test("a closed period stays closed, and what is recorded now for a detached month counts", async () => {
  await moveMonth(database, "detach_month", OLDEST);
  const then = OLDEST.toISOString();
  const balance = async () =>
    Number(
      (
        await look("select posted_amount from daybook.account_balance($1, 'b', $2)", [ledger, NEXT])
      )[0].posted_amount,
    );
  const before = await balance();
  await database.pool.query(transfer(ledger, "a", "b", 9, { effective_at: then }));
  expect(await balance()).toBe(before + 9);
  await look("select daybook.close_period($1, $2)", [ledger, NEXT]);
  await expect(
    database.pool.query(transfer(ledger, "a", "b", 9, { effective_at: then })),
  ).rejects.toMatchObject({ code: "LDPER" });
  await look("select daybook.reopen_period($1, $2)", [ledger, OLDEST]);
  await settle(database, [ledger]);
  await moveMonth(database, "attach_month", OLDEST);
});

test("a retry of what left gets the answer of the first call", async () => {
  const call = transfer(ledger, "a", "b", 77, {
    idempotency_key: "of-a-month-that-leaves",
    from: { show_resulting_balances: true },
  });
  const [first] = (await database.pool.query(call)).rows;
  await moveMonth(database, "detach_month", OLDEST);
  const [{ id }] = await look(
    "select t.id from daybook.transactions t where ledger = $1 and daybook_private.is_detached(t) limit 1",
    [ledger],
  );
  await meddle(
    `update daybook_private.idempotency_keys set transaction_id = '${id}' where ledger = '${ledger}'`,
  );
  const [again] = (await database.pool.query(call)).rows;
  expect(again).toEqual({ ...first, transaction_id: id, replayed: true });
  await moveMonth(database, "attach_month", OLDEST);
});
