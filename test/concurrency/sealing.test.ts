import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";
import { lost, seal, sweep, verify } from "../support/sealing.ts";
import { openSessions, type Session } from "../support/sessions.ts";

let database: TestDatabase;
let ann: Session;
let bob: Session;
let ledger: string;

beforeAll(async () => {
  database = await createDatabase();
  ({ ann, bob } = await openSessions(database, ["ann", "bob"]));
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());
beforeEach(async () => {
  ledger = await openLedger(database, { alice: { money: 100 } });
});

const pay = () => transfer(ledger, "world", "alice", 1);
const sealed = () => seal(database.pool, ledger);
const numberOf = async (id: string) => {
  const { rows } = await database.pool.query(
    "select no from daybook_private.seals where ledger = $1 and log_id = $2",
    [ledger, id],
  );
  return Number(rows[0]?.no ?? 0);
};

/** All is sealed, once and without gaps, and the chain is right. */
async function expectWhole(): Promise<void> {
  expect(await lost(database.pool, ledger)).toEqual([]);
  const { problem, head_no, to_no } = await verify(database.pool, ledger);
  expect([problem, head_no]).toEqual([null, to_no]);
}

test("what is committed late gets a later number than what was made after it", async () => {
  await ann.step("begin");
  const { transaction_id: early } = await ann.step(pay());
  const { transaction_id: late } = await bob.step(pay());
  await sealed();
  expect(await numberOf(early)).toBe(0);
  await ann.step("commit");
  expect(await sealed()).toBe(1);
  expect(early < late).toBe(true);
  expect(await numberOf(early)).toBe((await numberOf(late)) + 1);
  await expectWhole();
});

test("what was rolled back leaves no gap", async () => {
  await ann.step("begin");
  await ann.step(pay());
  await bob.step(pay());
  await sealed();
  await ann.step("rollback");
  await bob.step(pay());
  expect(await sealed()).toBe(1);
  await expectWhole();
});

test("a transaction that was prepared, and committed long after what followed it was settled, is swept up", async () => {
  await ann.step("begin");
  const { transaction_id: early } = await ann.step(pay());
  await ann.step("prepare transaction 'late'");
  await bob.step(pay());
  await sealed();
  // As if it had been prepared for so long that rounds no longer look there.
  const future = "daybook_private.uuid_at(now() + interval '1 minute')";
  await database.pool.query(
    `update daybook_private.seal_heads set scan_from = ${future} where ledger = $1`,
    [ledger],
  );
  await database.pool.query("commit prepared 'late'");
  expect(await sealed()).toBe(0);
  expect(await lost(database.pool, ledger)).toEqual([early]);
  expect(await sweep(database.pool, ledger, 2)).toBe(1);
  await expectWhole();
  expect(await sweep(database.pool, ledger, 2)).toBe(0);
});

test("while a prepared transaction is there, the place where rounds begin is at most a minute behind", async () => {
  await ann.step("begin");
  await ann.step(pay());
  await ann.step("prepare transaction 'held'");
  try {
    for (let n = 0; n < 3; n += 1) await sealed();
    const { rows } = await database.pool.query(
      `select scan_from < daybook_private.uuid_at(now() - interval '4 seconds') as is_held,
              scan_from > daybook_private.uuid_at(now() - interval '70 seconds') as is_near
         from daybook_private.seal_heads where ledger = $1`,
      [ledger],
    );
    expect(rows).toEqual([{ is_held: true, is_near: true }]);
  } finally {
    await database.pool.query("commit prepared 'held'");
  }
  expect(await sealed()).toBe(1);
  await expectWhole();
});

test("only one seals a ledger at a time: others go on", async () => {
  const one = await database.connectAs("daybook_worker");
  const two = await database.connectAs("daybook_worker");
  await sealed();
  await bob.step(pay());
  await one.query("begin");
  expect(await seal(one, ledger)).toBe(1);
  expect(await seal(two, ledger)).toBeNull();
  await one.query("rollback");
  expect(await seal(two, ledger)).toBe(1);
  await expectWhole();
});

test("two sealers beside writers, some of whom are late or give up: all once, no gap", async () => {
  const stop = new AbortController();
  const writers = Array.from({ length: 4 }, async (_, n) => {
    const client = await database.connectAs("test_writer");
    for (let i = 0; i < 60; i += 1) {
      await client.query("begin");
      for (let k = 0; k <= i % 3; k += 1) await client.query(pay());
      if ((i + n) % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 40));
      await client.query((i + n) % 7 === 0 ? "rollback" : "commit");
    }
  });
  const sealers = Array.from({ length: 2 }, async () => {
    const client = await database.connectAs("daybook_worker");
    let total = 0;
    while (!stop.signal.aborted) total += (await seal(client, ledger, 7)) ?? 0;
    return total;
  });
  await Promise.all(writers);
  stop.abort();
  const totals = await Promise.all(sealers);
  await sealed();
  await expectWhole();
  expect(totals.every((total) => total > 0)).toBe(true);
});

test("a worker that dies amidst a long round is followed by one that need not begin anew", async () => {
  for (let n = 0; n < 6; n += 1) await bob.step(pay());
  const soon = "daybook_private.uuid_at(now() + interval '1 minute')"; // as if long ago
  const call = `select after from daybook_private.seal_log($1, 4, null, ${soon})`;
  const { rows } = await database.pool.query(call, [ledger]);
  const heads = "select scan_from from daybook_private.seal_heads where ledger = $1";
  expect((await database.pool.query(heads, [ledger])).rows).toEqual([{ scan_from: rows[0].after }]);
  expect(await sealed()).toBeGreaterThan(3);
  await expectWhole();
});

test("while everybody changes the same things, verifying finds nothing wrong", async () => {
  const { transaction_id: posted } = await bob.step(pay());
  const hold = `select transaction_id from daybook.create_transaction($1,
    array[daybook.debit('world', 1), daybook.credit('alice', 1)], status => 'pending', metadata => '{"a": 0}')`;
  const { rows } = await database.pool.query(hold, [ledger]);
  const changes = [
    `select daybook.set_transaction_metadata('${ledger}', '${posted}', jsonb_build_object('k' || $1 % 3, $1))`,
    `select daybook.delete_transaction_metadata('${ledger}', '${posted}', 'k' || $1 % 3)`,
    `select daybook.set_transaction_metadata('${ledger}', '${rows[0].transaction_id}', jsonb_build_object('a', $1))`,
    `select daybook.update_transaction('${ledger}', '${rows[0].transaction_id}', description => 'at ' || $1)`,
    `select daybook.set_account_limits('${ledger}', 'alice', balance_min => -$1)`,
    `select daybook.set_account_metadata('${ledger}', 'alice', jsonb_build_object('k' || $1 % 2, $1))`,
    `select daybook.delete_account_metadata('${ledger}', 'alice', 'k' || $1 % 2)`,
    `select case $1 % 2 when 0 then daybook.close_account('${ledger}', 'alice') else daybook.reopen_account('${ledger}', 'alice') end`,
  ];
  const writers = Array.from({ length: 4 }, async (_, n) => {
    const client = await database.connectAs("test_writer");
    for (let i = 0; i < 60; i += 1) {
      const change = changes[(i * 5 + n * 3) % changes.length]!;
      await client.query(change.replaceAll("$1", `${i + n}`));
    }
  });
  const done = new AbortController();
  const watching = (async () => {
    const client = await database.connectAs("daybook_worker");
    while (!done.signal.aborted) {
      await seal(client, ledger, 10);
      expect(await verify(database.pool, ledger)).toMatchObject({ problem: null });
    }
  })();
  await Promise.all(writers);
  done.abort();
  await watching;
  await sealed();
  await expectWhole();
});
