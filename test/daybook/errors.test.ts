import { beforeEach, describe, expect, test } from "@jest/globals";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS } from "../support/global-setup.ts";
import { credit, debit, move, useBooks, type Entry, type Refusal } from "../support/use-books.ts";

const books = useBooks(async ({ open, call, create }) => {
  await open("closed");
  await call("close_account", { address: "closed" });
  await open("limited", { balance_min: 0 });
  await call("close_period", { until: "2001-01-01T00:00:00Z" });
  await call("create_category", { category: "all", currency: "USD" });
  await call("add_to_category", { category: "all", account: "alice" });
  await create(move("carol", "bank", 1), { external_id: "taken", idempotency_key: "known" });
});

const old = { effective_at: "2000-12-31T23:59:59Z" };
const unknown = "00000000-0000-7000-8000-000000000000";
const short = { available_balance: { gte: 1000 } };
const stale = { lock_version: 77 };

type Attempt = () => Promise<Refusal>;
const refused =
  (entries: Entry[], args: object = {}): Attempt =>
  () =>
    books.createRefused(entries, args);
const failed =
  (name: string, args: object): Attempt =>
  () =>
    books.refusal(name, args);
const asSuperuser =
  (sql: string): Attempt =>
  () =>
    books.refused(() => books.look(sql));

/** A hint says what to do. The facts are in the detail, and why in the message. */
const INSTRUCTION =
  /^(Add|Ask|Call|Check|Correct|Create|Give|Lower|Make|Open|Read|Repeat|Use|Write) \w+/;

describe("every code is fired, with its facts and a hint that says what to do", () => {
  const fired = new Set<string>();

  const facts: [code: string, attempt: Attempt, detail: object][] = [
    ["42501", failed("account_balance", { ledger: "none", account: "a" }), { ledger: "none" }],
    [
      "42501",
      failed("grant_ledger_access", { role: "test_reader", access: "read", ledger: "*" }),
      {},
    ],
    [
      "LDARG",
      failed("account_balance", { account: "alice", lock_version: 77 }),
      { argument: "lock_version", value: 77 },
    ],
    ["LDARG", refused(move("a b", "bob", 1)), { argument: "account", index: 1, value: "a b" }],
    ["LDARG", failed("close_account", { address: null }), { argument: "address", value: null }],
    [
      "LDIDM",
      refused(move("bob", "bank", 2), { idempotency_key: "known" }),
      {
        ledger: "main",
        idempotency_key: "known",
        operation: "create_transaction",
        transaction_id: expect.any(String),
      },
    ],
    ["LDAMT", refused([debit("bob", 1), credit("bank", "0.5")]), { index: 2, amount: "0.5" }],
    ["LDACC", refused(move("x", "y", 1)), { ledger: "main", accounts: ["x", "y"] }],
    [
      "LDCTG",
      failed("add_to_category", { category: "none", child_category: "nil" }),
      { ledger: "main", categories: ["none", "nil"] },
    ],
    [
      "LDCYC",
      failed("add_to_category", { category: "all", child_category: "all" }),
      { category: "all", child_category: "all" },
    ],
    [
      "LDCAT",
      () =>
        books.refused(() =>
          books.query(
            `select daybook.create_transaction('main', array[daybook.debit('alice', 1), daybook.credit('bob', 1)],
             category_locks => array[row('all', daybook.gte(1), null, null)::daybook.category_lock_input])`,
          ),
        ),
      {
        index: 1,
        category: "all",
        balance: "pending_balance",
        bound: "gte",
        limit: "1",
        actual: "-1",
      },
    ],
    [
      "LDRCP",
      failed("queued_transaction", { receipt_id: unknown }),
      { ledger: "main", receipt_id: unknown },
    ],
    ["LDTXN", failed("post_transaction", { transaction_id: unknown }), { transaction_id: unknown }],
    ["LDDUP", failed("open_account", { address: "bob", currency: "EUR" }), { address: "bob" }],
    ["LDCUR", failed("open_account", { address: "new", currency: "NO" }), { currency: "NO" }],
    [
      "LDUNB",
      refused([debit("bob", 1), credit("bank", 3)]),
      { currency: "USD", debits: "1", credits: "3" },
    ],
    [
      "LDEXT",
      refused(move("bob", "bank", 1), { external_id: "taken" }),
      {
        external_id: "taken",
        transaction_id: expect.any(String),
      },
    ],
    ["LDCLS", refused(move("bob", "closed", 1)), { index: 2, account: "closed" }],
    [
      "LDPER",
      refused(move("bob", "bank", 1), old),
      {
        ledger: "main",
        effective_at: expect.stringMatching(/^2000-12-31/),
        closed_until: expect.stringMatching(/^2001-01-01/),
      },
    ],
    ["LDVER", refused(move("bob", "bank", 1, stale)), { index: 1, account: "bob" }],
    [
      "LDBAL",
      refused(move("bob", "bank", 1, short)),
      {
        index: 1,
        account: "bob",
        balance: "available_balance",
        bound: "gte",
        limit: "1000",
        actual: "-1",
      },
    ],
    [
      "LDLIM",
      refused([credit("bank", 5), debit("limited", 5)]),
      {
        index: 2,
        account: "limited",
        limit: "balance_min",
        balance_min: "0",
        actual: "-5",
      },
    ],
    ["LDIMM", asSuperuser("delete from daybook.entries"), {}],
    ["LDIMM", asSuperuser("truncate daybook.accounts cascade"), {}],
  ];
  test.each(facts)("%s %#", async (code, attempt, detail) => {
    const refusal = await attempt();
    fired.add(refusal.code);
    expect(refusal).toMatchObject({ code, detail });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("LDSTA: a posted, an archived and an expired transaction", async () => {
    const { transaction_id } = await books.create(move("bob", "bank", 1));
    const refusal = await books.refusal("archive_transaction", { transaction_id });
    fired.add(refusal.code);
    expect(refusal).toMatchObject({ code: "LDSTA", detail: { transaction_id, status: "posted" } });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("LDLED for whoever may use every ledger", async () => {
    await books.be("test_admin");
    const refusal = await books.refusal("account_balance", { ledger: "none", account: "a" });
    fired.add(refusal.code);
    expect(refusal).toMatchObject({ code: "LDLED", detail: { ledger: "none" } });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("LDISO above READ COMMITTED", async () => {
    await books.query("rollback");
    await books.query("begin isolation level repeatable read");
    const refusal = await books.createRefused(move("bob", "bank", 1, short));
    fired.add(refusal.code);
    expect(refusal).toMatchObject({
      code: "LDISO",
      detail: { index: 1, isolation: "repeatable read" },
    });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("LDQUE when too many wait", async () => {
    await books.look("update daybook_private.queue_limits set max_depth = 0");
    const refusal = await books.enqueueRefused({
      entries: move("bob", "bank", 1),
      idempotency_key: "k",
    });
    fired.add(refusal.code);
    expect(refusal).toMatchObject({ code: "LDQUE", detail: { ledger: "main" } });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("57014 when a search takes too long", async () => {
    await books.query("set local daybook.search_timeout to '1us'");
    const refusal = await books.refusal("search_transactions", { words: "anything" });
    fired.add(refusal.code);
    expect(refusal).toMatchObject({ code: "57014", detail: { timeout: expect.any(String) } });
    expect(refusal.hint).toMatch(INSTRUCTION);
  });

  test("LDUNB for rows that somebody wrote by hand", async () => {
    const refusal = await asSuperuser(
      `insert into daybook.entries (ledger, id, transaction_id, transaction_version, position, account_id,
         direction, amount, currency, effect, locked, effective_at, created_at)
       select 'main', uuidv7(), uuidv7(), 1, 1, id, 'debit', 5, 'USD', 'posted', false, now(), now()
         from daybook.accounts limit 1`,
    )();
    expect(refusal).toMatchObject({ code: "LDUNB", detail: { ledger: "main", currency: "USD" } });
  });

  test("rows by hand that balance in what they say of their currency are told by verify_transactions", async () => {
    await books.look(
      `insert into daybook.entries (ledger, id, transaction_id, transaction_version, position, account_id,
         direction, amount, currency, effect, locked, effective_at, created_at)
       select 'main', uuidv7(), '${unknown}', 1, n, a.id, d::daybook.direction, 5, 'USD', 'posted', false, now(), now()
         from (values (1, 'euro', 'debit'), (2, 'alice', 'credit')) v (n, address, d)
         join daybook.accounts a on a.ledger = 'main' and a.address = v.address`,
    );
    await books.be("test_admin");
    expect(await books.all("verify_transactions", {})).toContainEqual(
      expect.objectContaining({
        violation: "entry in another currency than its account",
        facts: { account: "euro", account_currency: "EUR", currency: "USD" },
      }),
    );
  });

  test("no code that the SQL can raise is left out above", () => {
    const raised = new Set(["LDARG"]);
    for (const file of globSync("fixtures/**/*.sql", { cwd: MIGRATIONS })) {
      const text = readFileSync(join(MIGRATIONS, file), "utf8");
      for (const [, code] of text.matchAll(/refuse\(\s*'(\w{5})'/g)) raised.add(code!);
      for (const [, code] of text.matchAll(/'(LD[A-Z]{3})'/g)) raised.add(code!);
    }
    raised.delete("LDDRY"); // how a dry run undoes itself; no caller sees it
    raised.delete("40001"); // accounts opened and closed ten times during one call
    raised.delete("LDGRW"); // how locks on categories are given up; no caller sees it
    expect([...fired].toSorted()).toEqual([...raised].toSorted());
  });
});

const same = (entries: Entry[]) => entries;

const first = (change: Partial<Entry>) => (entries: Entry[]) => [
  { ...entries[0]!, ...change },
  ...entries.slice(1),
];

const last = (change: Partial<Entry>) => (entries: Entry[]) => [
  ...entries.slice(0, -1),
  { ...entries.at(-1)!, ...change },
];

type Wrong = { entries: (entries: Entry[]) => Entry[]; args: object };

/**
 * What is wrong in a call of create_transaction, in the order of the contract. Each pair is tried, in the same entry
 * where that can be, and with the later error in the lower entry.
 */
describe("of simultaneous errors the first in the contract's order is raised", () => {
  /** The later errors stand in the first entry, the earlier ones in the last. */
  const WRONG: Record<string, Wrong> = {
    "42501": { entries: same, args: { ledger: "none" } },
    LDARG: { entries: last({ metadata: [] }), args: {} },
    LDIDM: { entries: same, args: { idempotency_key: "known" } },
    LDAMT: { entries: last({ amount: "0.5" }), args: {} },
    LDACC: { entries: last({ account: "nobody" }), args: {} },
    LDUNB: { entries: (entries) => [...entries, debit("carol", 3)], args: {} },
    LDEXT: { entries: same, args: { external_id: "taken" } },
    LDCLS: {
      entries: (entries) => [
        ...entries.slice(0, 1),
        ...move("cash", "closed", 2),
        ...entries.slice(1),
      ],
      args: {},
    },
    LDPER: { entries: same, args: old },
    LDVER: {
      entries: (entries) => [
        entries[0]!,
        ...move("euro-cash", "euro", 4, { lock_version: 7 }),
        ...entries.slice(1),
      ],
      args: {},
    },
    LDBAL: { entries: first({ posted_balance: { eq: -12345 } }), args: {} },
    LDLIM: {
      entries: (entries) => [...move("limited", "cash", 1), ...entries],
      args: {},
    },
  };
  const codes = Object.keys(WRONG);
  const pairs = codes.flatMap((earlier, n) =>
    codes.slice(n + 1).map((later) => [earlier, later] as const),
  );
  const build = (...wrong: string[]) =>
    wrong.reduce(
      (call, code) => ({
        entries: WRONG[code]!.entries(call.entries),
        args: { ...call.args, ...WRONG[code]!.args },
      }),
      { entries: move("alice", "bob", 1), args: {} },
    );

  test.each(codes)("%s alone", async (code) => {
    const { entries, args } = build(code);
    expect(await books.createRefused(entries, args)).toMatchObject({ code });
  });

  test.each(pairs)("%s before %s", async (earlier, later) => {
    for (const order of [
      [earlier, later],
      [later, earlier],
    ]) {
      const { entries, args } = build(...order);
      expect(await books.createRefused(entries, args)).toMatchObject({ code: earlier });
    }
  });

  test("all at once", async () => {
    for (const n of codes.keys()) {
      const { entries, args } = build(...codes.slice(n).toReversed());
      expect(await books.createRefused(entries, args)).toMatchObject({ code: codes[n] });
    }
  });

  test("LDLED stands between LDAMT and LDACC", async () => {
    await books.be("test_admin");
    const args = { ledger: "none" };
    expect(await books.createRefused(move("a", "b", 0), args)).toMatchObject({ code: "LDAMT" });
    expect(await books.createRefused(move("a", "b", 1), args)).toMatchObject({ code: "LDLED" });
    expect(await books.createRefused(move("a b", "b", 1), args)).toMatchObject({ code: "LDARG" });
  });

  describe("above READ COMMITTED", () => {
    beforeEach(async () => {
      await books.query("rollback");
      await books.query("begin isolation level repeatable read");
    });

    test.each(["42501", "LDARG"])("%s before LDISO", async (code) => {
      const { entries, args } = build(code, "LDBAL");
      expect(await books.createRefused(entries, args)).toMatchObject({ code });
    });

    test.each(["LDIDM", "LDAMT", "LDACC", "LDUNB", "LDEXT", "LDCLS"])(
      "LDISO before %s",
      async (code) => {
        const { entries, args } = build(code, "LDBAL");
        expect(await books.createRefused(entries, args)).toMatchObject({ code: "LDISO" });
      },
    );

    test("expires_at in the past is LDARG before LDISO", async () => {
      const args = { status: "pending", expires_at: "2000-01-01T00:00:00Z" };
      expect(await books.createRefused(move("alice", "bob", 1, short), args)).toMatchObject({
        code: "LDARG",
      });
    });
  });
});

describe("within a code the lowest entry is told", () => {
  test.each<[string, Entry[], number]>([
    ["LDARG", [debit("bob", 1), debit("b:", 1), credit("a b", 2)], 2],
    ["LDARG", [debit("bob", 1, { metadata: "x" }), debit("b:", 1), credit("a b", 2)], 1],
    ["LDAMT", [debit("bob", 1), debit("alice", -1), credit("carol", 0)], 2],
    ["LDCLS", [debit("bob", 1), credit("closed", 2), debit("closed", 1)], 2],
  ])("%s", async (code, entries, index) => {
    expect(await books.createRefused(entries)).toMatchObject({ code, detail: { index } });
  });

  test("and of unbalanced currencies the one that is written first", async () => {
    const entries = [debit("euro", 1), debit("bob", 1), credit("euro-cash", 2), credit("alice", 2)];
    expect(await books.createRefused(entries)).toMatchObject({ detail: { currency: "EUR" } });
  });
});

describe("post_transaction and archive_transaction", () => {
  const args = { transaction_id: unknown };

  test.each(["post_transaction", "archive_transaction"])("%s", async (name) => {
    const code = async (more: object) => (await books.refusal(name, { ...args, ...more })).code;
    const bad = { expected_version: 0 };
    const reused = { idempotency_key: "known" };
    expect(await code({ ledger: "none", ...bad, ...reused })).toBe("42501");
    expect(await code({ ...bad, ...reused })).toBe("LDARG");
    expect(await code(reused)).toBe("LDIDM");
    expect(await code({})).toBe("LDTXN");
    const posted = await books.create(move("alice", "bob", 1));
    const { transaction_id } = posted;
    expect(await code({ transaction_id, expected_version: 5 })).toBe("LDSTA");
    await books.be("test_admin");
    expect(await code({ ledger: "none" })).toBe("LDLED");
  });
});
