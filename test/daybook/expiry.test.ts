import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { debit, credit, move, useBooks, type Row } from "../support/use-books.ts";

// Before the test is rolled back: hooks run in the order in which they are defined.
afterEach(async () => expect(await books.violations()).toEqual([]));

const books = useBooks();
const THEN = new Date("2020-01-01T00:00:00Z");
const covered = { available_balance: { gte: 0 } };
const later = () => new Date(Date.now() + 3_600_000);
const hold = (entries = move("alice", "bob", 100), args: object = {}) =>
  books.create(entries, { status: "pending", ...args });

/** A hold whose time is over. */
async function due(entries = move("alice", "bob", 100), args: object = {}): Promise<Row> {
  const transaction = await hold(entries, { expires_at: later(), ...args });
  await books.lapse(transaction);
  return transaction;
}

async function sweep(count = 100): Promise<number> {
  await books.be("daybook_worker");
  const [row] = await books.query("select daybook_private.expire_transactions($1) as n", [count]);
  await books.be("test_writer");
  return row!["n"];
}

const stateOf = async ({ transaction_id }: Row) => {
  const { status, version, archived_reason } = await books.transaction(transaction_id);
  return [status, version, archived_reason];
};
const PENDING = ["pending", 1, null];
const EXPIRED = ["archived", 2, "expired"];

/** A moment that is still to come, and the wait until it has. */
function soon(): { expires_at: Date; hasCome(): Promise<unknown> } {
  const expires_at = new Date(Date.now() + 500);
  return {
    expires_at,
    hasCome: () => books.query("select pg_sleep_until($1)", [expires_at]),
  };
}

test("posted until then, and not any more from then on", async () => {
  const { expires_at, hasCome } = soon();
  const before = await hold(undefined, { expires_at });
  const after = await hold(undefined, { expires_at });
  expect(await books.post(before, { idempotency_key: "k" })).toMatchObject({ status: "posted" });
  await hasCome();
  const { transaction_id } = after;
  expect(await books.refusal("post_transaction", { transaction_id })).toMatchObject({
    code: "LDSTA",
    detail: { status: "expired" },
  });
  expect(await books.post(before, { idempotency_key: "k" })).toMatchObject({ replayed: true });
  expect(await sweep()).toBe(1);
  expect(await stateOf(before)).toEqual(["posted", 2, null]);
  expect(await stateOf(after)).toEqual(EXPIRED);
});

describe("from the instant on, before anybody has swept", () => {
  test.each<[string, object]>([
    ["post_transaction", {}],
    ["post_transaction", { entries: move("alice", "bob", 1) }],
    ["update_transaction", { description: "x" }],
    ["update_transaction", { expires_at: new Date(Date.now() + 3_600_000) }],
    ["partially_post_transaction", { entries: move("alice", "bob", 1) }],
  ])("%s is LDSTA %#", async (name, args) => {
    const { transaction_id } = await due();
    expect(await books.refusal(name, { transaction_id, ...args })).toMatchObject({
      code: "LDSTA",
      detail: { transaction_id, status: "expired" },
    });
  });

  test("it still holds what it holds, and may be archived, which is then no expiry", async () => {
    const transaction = await due();
    expect(await books.balance("alice")).toMatchObject({ pending_amount: "-100" });
    expect(await stateOf(transaction)).toEqual(PENDING);
    await books.archive(transaction);
    expect(await stateOf(transaction)).toEqual(["archived", 2, null]);
    expect(await sweep()).toBe(0);
  });
});

describe("the sweeper", () => {
  test("archives what is due: released at its effective time, the external id free again", async () => {
    const transaction = await due(undefined, { effective_at: THEN, external_id: "x" });
    expect(await sweep()).toBe(1);
    const row = await books.transaction(transaction["transaction_id"]);
    expect(row).toMatchObject({
      status: "archived",
      version: 2,
      archived_reason: "expired",
      posted_at: null,
    });
    expect(row["archived_at"].getTime()).toBeGreaterThanOrEqual(row["expires_at"].getTime());
    expect(await books.balance("alice")).toMatchObject({ pending_amount: "0", lock_version: "2" });
    const released = (await books.entriesOf("alice")).find((e) => e["effect"] === "released");
    expect(released).toMatchObject({
      amount: "100",
      effective_at: THEN,
      created_at: row["archived_at"],
      transaction_version: 2,
    });
    await books.create(move("alice", "bob", 1), { external_id: "x" });
  });

  test("leaves alone what is not due, has no expiry, or has ended", async () => {
    const others = [await hold(), await hold(undefined, { expires_at: later() })];
    const ends = [
      (ended: Row) => books.post(ended),
      (ended: Row) => books.archive(ended),
      (ended: Row) => books.postPart(ended, move("alice", "bob", 100)),
    ];
    for (const end of ends) {
      const ended = await hold(undefined, { expires_at: later() });
      await end(ended);
      await books.lapse(ended);
    }
    expect(await sweep()).toBe(0);
    for (const other of others) expect(await stateOf(other)).toEqual(PENDING);
  });

  test("archives at most as many as it is told, the first due first, and no more than there are", async () => {
    const first = await due([
      debit("alice", 1),
      credit("bob", 1),
      debit("carol", 2),
      credit("cash", 2),
    ]);
    const second = await due();
    const third = await due();
    expect(await sweep(1)).toBe(1);
    expect(await stateOf(first)).toEqual(EXPIRED);
    expect(await stateOf(second)).toEqual(PENDING);
    expect(await sweep(5)).toBe(2);
    expect(await stateOf(third)).toEqual(EXPIRED);
    expect(await sweep(5)).toBe(0);
  });

  test("is logged with who did it", async () => {
    const { transaction_id } = await due();
    await sweep();
    const log = await books.query(
      "select kind, actor, data -> 'version' as version from daybook.log where transaction_id = $1 order by id",
      [transaction_id],
    );
    expect(log).toEqual([
      { kind: "create_transaction", actor: "test_writer", version: 1 },
      { kind: "expire_transaction", actor: "daybook_worker", version: 2 },
    ]);
  });

  test("archives holds on closed accounts and beyond limits", async () => {
    const transaction = await due();
    await books.call("set_account_limits", { address: "bob", balance_min: 500, balance_max: 600 });
    await books.call("close_account", { address: "alice" });
    expect(await sweep()).toBe(1);
    expect(await stateOf(transaction)).toEqual(EXPIRED);
  });

  test("releases what is left of a partially posted one", async () => {
    const transaction = await hold(undefined, { expires_at: later() });
    await books.postPart(transaction, move("alice", "bob", 30));
    await books.lapse(transaction);
    expect(await sweep()).toBe(1);
    expect(await stateOf(transaction)).toEqual(["archived", 3, "expired"]);
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "30",
      posted_debits: "30",
    });
    expect(await books.linesOf(transaction)).toMatchObject([{ amount: "70" }, { amount: "70" }]);
  });

  test("looks only at what is due", async () => {
    const looked = async () =>
      (
        await books.look(
          `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::integer as n
             from pg_stat_xact_user_tables where relname = 'expiring_holds'`,
        )
      )[0]!["n"] as number;
    for (let n = 0; n < 50; n++) await hold(move("alice", "bob", 1), { expires_at: later() });
    const before = await looked();
    await sweep();
    await books.createRefused(move("alice", "bob", 1, covered));
    expect((await looked()) - before).toBeLessThan(5);
  });
});

describe("an update of the expiry counts", () => {
  test("later: it is not due at the old time", async () => {
    const { expires_at, hasCome } = soon();
    const transaction = await hold(undefined, { expires_at });
    await books.update(transaction, { expires_at: later() });
    await hasCome();
    expect(await sweep()).toBe(0);
    expect(await books.post(transaction)).toMatchObject({ status: "posted" });
  });

  test.each<[string, object]>([
    ["sooner", { expires_at: later() }],
    ["first given", {}],
  ])("%s: it is due at the new one", async (_, args) => {
    const transaction = await hold(undefined, args);
    const { expires_at, hasCome } = soon();
    await books.update(transaction, { expires_at });
    await hasCome();
    expect(await sweep()).toBe(1);
    expect(await stateOf(transaction)).toEqual(["archived", 3, "expired"]);
  });

  test("new entries are found by their accounts, the old ones no more", async () => {
    const transaction = await hold(undefined, { expires_at: later() });
    await books.update(transaction, { entries: move("carol", "bob", 100) });
    await books.lapse(transaction);
    await books.createRefused(move("alice", "bob", 1, covered));
    expect(await stateOf(transaction)).toEqual(["pending", 2, null]);
    await books.create(move("carol", "bob", 1, { pending_balance: { gte: -1 } }));
    expect(await stateOf(transaction)).toEqual(["archived", 3, "expired"]);
  });
});

describe("a locked entry that would be refused archives first what is due on its account", () => {
  beforeEach(() => books.create(move("cash", "alice", 100)));

  test("a condition of a new transaction", async () => {
    const transaction = await due();
    await books.create(move("alice", "bob", 100, covered));
    expect(await stateOf(transaction)).toEqual(EXPIRED);
    expect(await books.balance("alice")).toMatchObject({
      pending_amount: "0",
      posted_amount: "0",
      lock_version: "4",
    });
    const rows = await books.entriesOf("alice");
    expect(rows.map((row) => [row["effect"], row["lock_version"]])).toEqual([
      ["posted", "1"],
      ["pending", "2"],
      ["released", "3"],
      ["posted", "4"],
    ]);
    expect(await sweep()).toBe(0);
  });

  test("the account's own limits, on either side", async () => {
    await books.call("set_account_limits", { address: "alice", balance_min: 0 });
    const outflow = await due();
    await books.create(move("alice", "bob", 60));
    expect(await stateOf(outflow)).toEqual(EXPIRED);

    await books.call("set_account_limits", { address: "carol", balance_max: 10 });
    const inflow = await due(move("bob", "carol", 10));
    await books.create(move("bob", "carol", 10));
    expect(await stateOf(inflow)).toEqual(EXPIRED);
  });

  test("new entries of another pending one, posted or updated, and a part of it", async () => {
    for (const change of [
      (other: Row) => books.update(other, { entries: move("alice", "bob", 50, covered) }),
      (other: Row) => books.post(other, { entries: move("alice", "bob", 50, covered) }),
      (other: Row) =>
        books.postPart(other, move("alice", "bob", 10, { pending_balance: { gt: 40 } })),
    ]) {
      await books.query("savepoint change");
      const other = await hold(move("alice", "bob", 10));
      const transaction = await due();
      await change(other);
      expect(await stateOf(transaction)).toEqual(EXPIRED);
      expect(await books.violations()).toEqual([]);
      await books.query("rollback to savepoint change");
    }
  });

  test("in a batch, each member by itself", async () => {
    const transaction = await due();
    const rows = await books.query(
      `select status::text, error_code from daybook.create_transactions('main', array(
         select row(array[daybook.debit('alice', 60, available_balance => daybook.gte(0)), daybook.credit('bob', 60)],
                    null, null, null, null, null, null, null, null, null)::daybook.transaction_input
           from generate_series(1, 2))) r order by r.index`,
    );
    expect(rows).toEqual([
      { status: "posted", error_code: null },
      { status: null, error_code: "LDBAL" },
    ]);
    expect(await stateOf(transaction)).toEqual(EXPIRED);
  });

  test("all that is due, and nothing that is not", async () => {
    const dues = [await due(move("alice", "bob", 30)), await due(move("alice", "carol", 30))];
    const others = [
      await hold(move("alice", "bob", 10), { expires_at: later() }),
      await hold(move("alice", "bob", 10)),
    ];
    await books.create(move("alice", "bob", 80, covered));
    for (const transaction of dues) expect(await stateOf(transaction)).toEqual(EXPIRED);
    for (const other of others) expect(await stateOf(other)).toEqual(PENDING);
  });

  test("not what is due on accounts that the call does not wait for", async () => {
    const elsewhere = await due(move("carol", "bob", 5));
    const refused = await books.createRefused(move("alice", "bob", 101, covered));
    expect(refused).toMatchObject({ code: "LDBAL", detail: { actual: "-1" } });
    await due();
    await books.create(move("alice", "bob", 100, covered));
    expect(await stateOf(elsewhere)).toEqual(PENDING);
  });

  test("one that passes anyway, or does not wait, leaves them to the sweeper", async () => {
    const transaction = await due();
    await books.create(move("alice", "bob", 100));
    await books.create(move("alice", "bob", 1, { available_balance: { gte: -1000 } }));
    expect(await stateOf(transaction)).toEqual(PENDING);
  });

  test("a version that differs is no reason", async () => {
    const transaction = await due();
    const refused = await books.createRefused(move("alice", "bob", 1, { lock_version: 1 }));
    expect(refused).toMatchObject({ code: "LDVER", detail: { actual: 2 } });
    expect(await stateOf(transaction)).toEqual(PENDING);
  });

  test("a version that was right when the call came stays right", async () => {
    const transaction = await due();
    await books.create(move("alice", "bob", 100, { ...covered, lock_version: 2 }));
    expect(await stateOf(transaction)).toEqual(EXPIRED);
  });

  test("refused all the same: the balance as it would have been then, and nothing is kept", async () => {
    const transaction = await due();
    const traces = await books.traces();
    expect(await books.createRefused(move("alice", "bob", 101, covered))).toMatchObject({
      code: "LDBAL",
      detail: { actual: "-1" },
    });
    await books.call("set_account_limits", { address: "alice", balance_min: 0 });
    expect(await books.createRefused(move("alice", "bob", 102))).toMatchObject({
      code: "LDLIM",
      detail: { actual: "-2" },
    });
    await books.call("set_account_limits", { address: "alice" });
    expect(await stateOf(transaction)).toEqual(PENDING);
    const after = await books.traces();
    expect(after["daybook.entries"]).toBe(traces["daybook.entries"]);
  });

  test("declined and kept: the decline alone", async () => {
    const transaction = await due();
    const declined = await books.create(move("alice", "bob", 101, covered), {
      archive_on_lock_failure: true,
    });
    expect(declined).toMatchObject({ status: "archived", error_code: "LDBAL" });
    expect(await stateOf(transaction)).toEqual(PENDING);
    const passed = await books.create(move("alice", "bob", 100, covered), {
      archive_on_lock_failure: true,
    });
    expect(passed).toMatchObject({ status: "posted" });
    expect(await stateOf(transaction)).toEqual(EXPIRED);
  });

  test("a dry run passes and archives nothing", async () => {
    const transaction = await due();
    const traces = await books.traces();
    const rehearsed = await books.create(move("alice", "bob", 100, covered), { dry_run: true });
    expect(rehearsed).toMatchObject({ status: "posted", transaction_id: null });
    expect(await books.traces()).toEqual(traces);
    expect(await stateOf(transaction)).toEqual(PENDING);
  });

  test("it is logged as an expiry, by whose call", async () => {
    const { transaction_id } = await due();
    await books.create(move("alice", "bob", 100, covered));
    const log = await books.query(
      "select actor from daybook.log where transaction_id = $1 and kind = 'expire_transaction'",
      [transaction_id],
    );
    expect(log).toEqual([{ actor: "test_writer" }]);
  });
});
