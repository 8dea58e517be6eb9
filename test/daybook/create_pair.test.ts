import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Entry } from "../support/use-books.ts";

/*
 * create_pair is create_one for the simplest requests, in fewer steps. Here: that it comes to the
 * same, that it is taken when it should be, and that it leaves no trace when it gives up.
 */
const books = useBooks(async () => {
  await books.create(move("cash", "alice", 100));
  await books.create(move("cash", "bob", 100));
  await books.open("limited", { balance_min: 0 });
  await books.open("rich", { balance_min: 0, balance_max: 1000 });
  await books.create(move("cash", "rich", 100));
  await books.open("capped", { balance_max: 1000 });
  await books.open("till", { normal_balance: "debit", balance_min: 0 });
  await books.open("closed");
  await books.call("close_account", { address: "closed" });
});

const atLeast = (gte: number | string) => ({ available_balance: { gte } });
const METADATA = { order: "1.0", lines: [1.5, { a: "x" }] };
const INPUT = `
  array(select jsonb_populate_record(null::daybook.entry_input, v)
          from jsonb_array_elements($1::jsonb) with ordinality j (v, n) order by n)`;

/** The one function or the other by hand; gives the transaction's id, or null. */
async function make(
  way: "pair" | "one",
  entries: Entry[],
  key: string | null,
  metadata?: object,
  at?: string,
) {
  const sql =
    way === "pair"
      ? `select daybook_private.create_pair('main', ${INPUT}, $2, $3::jsonb, $4, 1) as id`
      : `select (daybook_private.create_one('main', row(${INPUT}, null, $4, $2, null, null, $3::jsonb,
                  null, null, null)::daybook.transaction_input)).transaction_id as id`;
  const given = [JSON.stringify(entries), key, metadata ? JSON.stringify(metadata) : null, at];
  return (await books.look(sql, given))[0]!["id"] as string | null;
}

/** All that was written, without ids and times, after a fresh start of the same books. */
async function written(...call: Parameters<typeof make>) {
  await books.query("savepoint fresh");
  const id = await make(...call);
  const rows = await books.look(
    `select jsonb_build_array(
       to_jsonb(t) - '{id,effective_at,created_at,posted_at}'::text[],
       nullif(t.effective_at, t.created_at), t.posted_at = t.created_at,
       (select jsonb_agg(to_jsonb(e) - '{id,transaction_id,effective_at,created_at}'::text[]
                           || jsonb_build_object('at', nullif(e.effective_at, e.created_at)) order by e.position)
          from daybook.entries e where e.ledger = t.ledger and e.transaction_id = t.id),
       (select jsonb_agg(to_jsonb(k) - '{transaction_id,created_at}'::text[])
          from daybook_private.idempotency_keys k where k.ledger = t.ledger and k.transaction_id = t.id),
       (select jsonb_agg(to_jsonb(c) order by c.address) from daybook_private.account_counters c),
       (select jsonb_agg(to_jsonb(q) - 'entry_id' order by q.account_id, q.entry_id) from daybook_private.entry_queue q)) as rows
     from daybook.transactions t where t.ledger = 'main' and t.id = $1`,
    [id],
  );
  expect(await books.violations()).toEqual([]);
  await books.query("rollback to savepoint fresh");
  return rows[0]?.["rows"] as unknown;
}

test.each<[string, Entry[], (string | null)?, object?, string?]>([
  ["two entries", move("alice", "bob", 7), null],
  ["a key", move("alice", "bob", 7)],
  ["metadata", move("alice", "bob", 7), "k", METADATA],
  ["the credit first", [credit("bob", 7), debit("alice", 7)], "k", {}],
  ["one amount written in two ways", [debit("alice", 7), credit("bob", "7.00")]],
  ["a least balance", move("alice", "bob", 7, atLeast(93)), "k", METADATA],
  ["a least balance on the second entry", [credit("bob", 7), debit("alice", 7, atLeast(-1))]],
  ["an account with a limit", move("rich", "bob", 7)],
  ["a limit and a lower least balance", move("rich", "bob", 7, atLeast(-5)), "k", METADATA],
  ["a limit and a higher least balance", move("rich", "bob", 7, atLeast(93))],
  ["a limit on the side that cannot break it", move("alice", "limited", 7)],
  ["a condition on a debit-normal account", move("cash", "bob", 7, atLeast(0))],
  ["one account twice", move("alice", "alice", 7)],
  ["one account twice, a least balance", move("alice", "alice", 7, atLeast(0))],
  ["a limit on a debit-normal account, debited", move("till", "alice", 7)],
  ["a greatest balance, debited", move("capped", "alice", 7)],
  ["the greatest amount", move("alice", "bob", "9".repeat(36))],
  ["a time", move("alice", "bob", 7), "k", undefined, "2026-01-02T03:04:05.678901Z"],
  ["a time in whole seconds, metadata", move("alice", "bob", 7), "k", METADATA, "2026-01-02Z"],
  [
    "a time long ago, a least balance",
    move("alice", "bob", 7, atLeast(93)),
    "k",
    {},
    "0099-01-01 BC",
  ],
  ["a time to come, no key", [credit("bob", 7), debit("rich", 7)], null, {}, "2226-01-01"],
])("%s: writes what create_one writes", async (_, entries, key = "k", ...more) => {
  const pair = await written("pair", entries, key, ...more);
  expect(pair).toBeDefined();
  expect(pair).toEqual(await written("one", entries, key, ...more));
});

test("an account that is held gets its entry from the queue, on either side or both", async () => {
  const other = await books.database.connect();
  await books.look("commit");
  for (const [held, to] of [
    ["alice", "bob"],
    ["bob", "bob"],
    ["alice", "alice"],
  ] as const) {
    await other.query("begin");
    await other.query("select from daybook.accounts where address = $1 for no key update", [held]);
    await books.look("begin");
    try {
      const pair = await written("pair", move("alice", to, 7), "k");
      expect(JSON.stringify(pair)).toContain('"lock_version":null');
      expect(pair).toEqual(await written("one", move("alice", to, 7), "k"));
    } finally {
      await books.look("rollback");
      await other.query("rollback");
    }
  }
  await books.look("begin");
});

const id = (address: string) =>
  `(select a.id from daybook.accounts a where a.address = '${address}')`;

/** A queued credit of alice: her row is looked for where it is not. */
async function queueCredit() {
  await books.look(`select daybook_private.write_pair('main', null, null, null, null,
    uuidv7(), 5, 'USD', 'carol', 1, null, ${id("alice")}, '(0,99)')`);
}

test("a row of accounts that has moved meanwhile is taken for one that is held", async () => {
  await queueCredit();
  expect(await books.look("select from daybook_private.entry_queue")).toHaveLength(1);
  expect(await books.balance("alice")).toMatchObject({ posted_amount: "105", lock_version: "2" });
  expect(await books.violations()).toEqual([]);
});

test("what is queued for the account is folded before a condition is judged", async () => {
  await queueCredit();
  const pair = await written("pair", move("alice", "bob", 7, atLeast(98)), "k");
  expect(pair).toEqual(await written("one", move("alice", "bob", 7, atLeast(98)), "k"));
  const refused = await books.refused(() =>
    make("pair", move("alice", "bob", 7, atLeast(99)), "k"),
  );
  expect(refused).toMatchObject({ code: "LDBAL", detail: { index: 1, account: "alice" } });
});

test.each<[string, string, Entry[]]>([
  ["LDLIM", "a limit", move("limited", "bob", 1)],
  ["LDBAL", "a least balance beside a limit", move("rich", "bob", 8, atLeast(93))],
  ["LDBAL", "a least balance", move("alice", "bob", 8, atLeast(93))],
  ["LDBAL", "a least balance, the credit first", move("alice", "bob", 8, atLeast(93)).toReversed()],
  ["LDACC", "an unknown debited account", move("nobody", "bob", 1)],
  ["LDACC", "a least balance of an unknown account", move("nobody", "bob", 1, atLeast(0))],
  ["LDCLS", "a closed debited account", move("closed", "bob", 1)],
  ["LDCLS", "a least balance of a closed account", move("closed", "bob", 1, atLeast(0))],
  ["LDUNB", "two currencies", move("alice", "euro", 1)],
  ["LDUNB", "a least balance in another currency", move("alice", "euro", 1, atLeast(0))],
])("%s without a trace: %s", async (code, _, entries) => {
  const before = await books.traces();
  expect(await books.refused(() => make("pair", entries, "k"))).toMatchObject({ code });
  expect(await books.traces()).toEqual(before);
});

test.each(["infinity", "-infinity"])("LDARG without a trace: %s", async (at) => {
  const before = await books.traces();
  const refused = await books.refused(() => make("pair", move("alice", "bob", 1), "k", {}, at));
  expect(refused).toMatchObject({ code: "LDARG", detail: { argument: "effective_at" } });
  expect(await books.traces()).toEqual(before);
});

test("LDPER without a trace, before the least balance is looked at", async () => {
  await books.call("close_period", { until: "2026-01-02T00:00:00Z" });
  const before = await books.traces();
  const late = (...more: Parameters<typeof atLeast>) =>
    make("pair", move("alice", "bob", 8, atLeast(...more)), "k", {}, "2026-01-01T23:59:59.999999Z");
  for (const least of [0, 93])
    expect(await books.refused(() => late(least))).toMatchObject({ code: "LDPER" });
  expect(await books.traces()).toEqual(before);
  const made = await make("pair", move("alice", "bob", 8), "k", {}, "2026-01-02T00:00:00Z");
  expect(made).not.toBeNull();
});

test("a debit that must keep a minimum is judged by what binds when its account is held", async () => {
  const take = async () => {
    await books.query("savepoint take");
    const [taken] = await books.look(`select (daybook_private.take_debit(
      'main', 'alice', uuidv7(), 7, 'USD', ${id("bob")}, 0)).account_id is not null as is_taken`);
    await books.query("rollback to savepoint take");
    return taken!["is_taken"];
  };
  expect(await take()).toBe(true);
  await books.call("set_account_limits", { address: "alice", balance_min: 94 });
  expect(await take()).toBe(false);
  await books.call("set_account_limits", { address: "alice", balance_min: null });
  await books.call("close_account", { address: "alice" });
  expect(await take()).toBe(false);
  await books.call("reopen_account", { address: "alice" });
  expect(await take()).toBe(true);
  await books.look("update daybook_private.account_counters set drifted_at = now()");
  expect(await take()).toBe(false);
});

test.each(["bob", "alice"])(
  "what has drifted gets its entries from the queue: alice to %s",
  async (to) => {
    await books.look("update daybook_private.account_counters set drifted_at = now()");
    const pair = await written("pair", move("alice", to, 7), "k");
    expect(JSON.stringify(pair)).toContain('"lock_version":null');
    expect(pair).toEqual(await written("one", move("alice", to, 7), "k"));
  },
);

describe("leaves to create_one, without a trace,", () => {
  test.each<[string, Entry[], string?, object?]>([
    ["one entry", [debit("alice", 1)]],
    ["two debits", [debit("alice", 1), debit("bob", 1)]],
    ["different amounts", [debit("alice", 1), credit("bob", 2)]],
    ["nothing", move("alice", "bob", 0)],
    ["an amount with a point", move("alice", "bob", "1.0")],
    ["too great an amount", move("alice", "bob", "1" + "0".repeat(36))],
    ["no amount", move("alice", "bob", null)],
    ["NaN", move("alice", "bob", "NaN")],
    ["no credited account", move("alice", null, 1)],
    ["no debited account", move(null, "bob", 1)],
    ["no debited account, a least balance", move(null, "bob", 1, atLeast(0))],
    ["no debited account, and something asked", move(null, "bob", 1, { metadata: {} })],
    ["no debited account, the credit first", move(null, "bob", 1).toReversed()],
    ["no account", move(null, null, 1)],
    ["no direction", [{ ...debit("alice", 1), direction: null }, credit("bob", 1)]],
    ["an unknown credited account", move("alice", "nobody", 1)],
    ["a limit on the credited account", move("alice", "capped", 1)],
    ["a limit on a debit-normal account, credited", move("alice", "till", 1)],
    ["a closed credited account", move("alice", "closed", 1)],
    ["one account twice, the credit first", move("alice", "alice", 7).toReversed()],
    ["a version", move("alice", "bob", 1, { lock_version: 1 })],
    ["balances to show", move("alice", "bob", 1, { show_resulting_balances: true })],
    ["an entry's metadata", move("alice", "bob", 1, { metadata: {} })],
    ["bounds of nothing", move("alice", "bob", 1, { available_balance: {} })],
    ["two bounds", move("alice", "bob", 1, { available_balance: { gte: 0, lte: 9 } })],
    ["another bound", move("alice", "bob", 1, { posted_balance: { gte: 0 } })],
    ["a fraction as bound", move("alice", "bob", 1, atLeast("0.5"))],
    ["a condition on the credited account", [debit("alice", 1), credit("bob", 1, atLeast(0))]],
    ["an empty key", move("alice", "bob", 1), ""],
    ["a long key", move("alice", "bob", 1), "k".repeat(256)],
    ["a control character", move("alice", "bob", 1), "k\u0007"],
    ["metadata that is no object", move("alice", "bob", 1), "k", []],
    ["metadata that is too large", move("alice", "bob", 1), "k", { a: "x".repeat(65536) }],
  ])("%s", async (_, entries, key = "k", metadata) => {
    const before = await books.traces();
    expect(await make("pair", entries, key, metadata)).toBeNull();
    expect(await books.traces()).toEqual(before);
  });

  test("a known key, also one that differs", async () => {
    await make("pair", move("alice", "bob", 1), "k");
    const before = await books.traces();
    expect(await make("pair", move("alice", "bob", 1), "k")).toBeNull();
    expect(await make("pair", move("alice", "bob", 2), "k")).toBeNull();
    expect(await books.traces()).toEqual(before);
  });

  test("another isolation level", async () => {
    await books.query("rollback; begin isolation level repeatable read");
    expect(await make("pair", move("alice", "bob", 1), "k")).toBeNull();
  });
});

test.each([{}, { effective_at: "2026-01-02T03:04:05.6Z" }])(
  "create_transaction goes this way, and what it writes here is replayed by the other: %p",
  async (time) => {
    const entries = move("alice", "bob", 7, atLeast(0));
    const made = await books.create(entries, { idempotency_key: "k", ...time });
    expect(made).toMatchObject({ ledger: "main", status: "posted", version: 1, replayed: false });
    expect(made["balances"]).toBeNull();
    const again = await books.create(entries, { idempotency_key: "k", ...time });
    expect(again).toEqual({ ...made, replayed: true });
    const [member] = await books.all("create_transactions", {
      transactions: [{ entries, idempotency_key: "k", ...time }],
    });
    expect(member).toMatchObject({ transaction_id: made["transaction_id"], replayed: true });
    const other = { ...time, effective_at: "2026-01-02T03:04:05.7Z" };
    const refused = await books.refused(() =>
      books.create(entries, { idempotency_key: "k", ...other }),
    );
    expect(refused).toMatchObject({ code: "LDIDM" });
  },
);
