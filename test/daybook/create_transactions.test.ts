import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Entry, type Row } from "../support/use-books.ts";

const books = useBooks();

type Member = { entries: Entry[] | null; [field: string]: unknown };
const moves = (from: string, to: string, amount: number, rest: object = {}): Member => ({
  entries: move(from, to, amount),
  ...rest,
});
const spends = (from: string, to: string, amount: number, rest: object = {}): Member => ({
  entries: move(from, to, amount, { available_balance: { gte: 0 } }),
  ...rest,
});
/** Members before and after those of a test, that concern none of its accounts: so many are made by sets. */
let around = 0;
const fillers = () => Array.from({ length: around }, () => moves("cash", "bank", 1));
const make = async (transactions: Member[], args: object = {}) => {
  const all = [...fillers(), ...transactions, ...fillers()];
  const results = await books.all("create_transactions", { transactions: all, ...args });
  return results
    .slice(around, around + transactions.length)
    .map((result) => ({ ...result, index: (result["index"] as number) - around }) as Row);
};
const refusal = (transactions: Member[], args: object = {}) =>
  books.refusal("create_transactions", { transactions, ...args });
/** The status of each that was made, the code of each that was refused. */
const outcomes = (results: Row[]) => results.map((r) => r["error_code"] ?? r["status"]);
const hold = (expires_at: string) => moves("alice", "bob", 1, { status: "pending", expires_at });
const large = (n: number) => ({
  entries: Array.from({ length: 400 }, () => move("alice", "bob", 1)).flat(),
  idempotency_key: `large-${n}`,
});
/** Enough members that ask for nothing to be made by sets. */
const many = (count: number, rest: object = {}) =>
  Array.from({ length: count }, () => moves("alice", "bob", 1, rest));

describe.each([
  ["few", 0],
  ["among many", 30],
])("%s", (_size, count) => {
  beforeAll(() => {
    around = count;
  });
  afterAll(() => {
    around = 0;
  });

  test("makes its members in order, results in theirs", async () => {
    const results = await make([
      ...many(5),
      moves("bob", "carol", 7, { status: "pending", description: "seven", metadata: { n: 7 } }),
    ]);
    expect(results.map((r) => r["index"])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(results[5]).toMatchObject({
      ledger: "main",
      status: "pending",
      version: 1,
      replayed: false,
      archived_reason: null,
      error_code: null,
      error_message: null,
      error_detail: null,
    });
    const ids = results.map((r) => r["transaction_id"]);
    expect(ids.toSorted()).toEqual(ids);
    expect(await books.transaction(ids[5])).toMatchObject({
      description: "seven",
      metadata: { n: 7 },
    });
    expect(await books.linesOf(results[5]!)).toMatchObject([
      { position: 1, account: "bob", direction: "debit", amount: "7", effect: "pending" },
      { position: 2, account: "carol", direction: "credit", amount: "7", effect: "pending" },
    ]);
    const versions = (await books.entriesOf("bob")).map((e) => [
      e["lock_version"],
      e["posted_credits"],
    ]);
    expect(versions).toEqual(
      ["1", "2", "3", "4", "5", "6"].map((v, n) => [v, String(Math.min(5, n + 1))]),
    );
    expect(await books.violations()).toEqual([]);
  });

  test("a refused member is a row with what create_transaction would raise, and leaves nothing", async () => {
    const bad = spends("alice", "bob", 100, { idempotency_key: "bad", external_id: "bad" });
    const results = await make([...many(5, {}), moves("cash", "alice", 50), bad, ...many(5)]);
    expect(outcomes(results)).toEqual([
      ...Array(6).fill("posted"),
      "LDBAL",
      ...Array(5).fill("posted"),
    ]);
    expect(results[6]).toMatchObject({
      index: 7,
      ledger: "main",
      transaction_id: null,
      status: null,
      version: null,
      replayed: false,
      error_message: "a balance condition would be broken",
      error_detail: { index: 1, account: "alice", bound: "gte", limit: "0", actual: "-55" },
    });
    const left = "select from daybook_private.idempotency_keys where key = 'bad'";
    expect(await books.look(left)).toEqual([]);
    expect(
      await books.create(move("alice", "bob", 1), { idempotency_key: "bad", external_id: "bad" }),
    ).toMatchObject({ status: "posted" });
  });

  test("conditions and versions see the members before them", async () => {
    const results = await make([
      ...many(4),
      { entries: [debit("cash", 10), credit("carol", 10, { lock_version: 0 })] },
      spends("carol", "bob", 6),
      spends("carol", "bob", 6),
      {
        entries: [
          debit("carol", 4, { lock_version: 2, available_balance: { eq: 0 } }),
          credit("bob", 4),
        ],
      },
      { entries: [debit("carol", 1, { lock_version: 2 }), credit("bob", 1)] },
    ]);
    expect(outcomes(results).slice(4)).toEqual(["posted", "posted", "LDBAL", "posted", "LDVER"]);
    expect(await books.balance("carol")).toMatchObject({
      lock_version: "3",
      available_amount: "0",
    });
  });

  test("a limit counts what the members before have moved", async () => {
    await books.open("limited", { balance_min: 0, balance_max: 10 });
    const results = await make([
      ...many(4),
      moves("limited", "bob", 1),
      moves("cash", "limited", 8),
      moves("cash", "limited", 8),
      moves("limited", "bob", 8),
      moves("cash", "limited", 8),
    ]);
    expect(outcomes(results).slice(4)).toEqual(["LDLIM", "posted", "LDLIM", "posted", "posted"]);
  });

  test("members with one key: the second is a replay of the first, or LDIDM", async () => {
    const key = { idempotency_key: "k" };
    const results = await make([
      moves("alice", "bob", 1, key),
      ...many(4),
      moves("alice", "bob", 1, key),
      moves("alice", "bob", 2, key),
      ...many(4),
    ]);
    expect(results[5]).toEqual({ ...results[0], index: 6, replayed: true });
    expect(results[6]).toMatchObject({
      error_code: "LDIDM",
      error_detail: { idempotency_key: "k", transaction_id: results[0]!["transaction_id"] },
    });
  });

  test("the key of a refused member is free for the next one", async () => {
    const results = await make([
      ...many(4),
      spends("alice", "bob", 1, { idempotency_key: "k" }),
      ...many(4),
      moves("alice", "bob", 2, { idempotency_key: "k" }),
    ]);
    expect(outcomes([results[4]!, results[9]!])).toEqual(["LDBAL", "posted"]);
  });

  test("the same request again, after it was refused in the same batch, is tried again", async () => {
    const request = spends("carol", "bob", 1, { idempotency_key: "k" });
    const results = await make([
      ...many(4),
      request,
      moves("cash", "carol", 1),
      ...many(4),
      request,
      ...many(8),
    ]);
    expect(results[10]).toMatchObject({ status: "posted", replayed: false });
    expect(outcomes([results[4]!])).toEqual(["LDBAL"]);
  });

  test("members with one external id: the second is refused and names the first", async () => {
    const results = await make([
      moves("alice", "bob", 1, { external_id: "x", status: "pending" }),
      ...many(5),
      moves("alice", "bob", 1, { external_id: "x" }),
    ]);
    expect(results[6]).toMatchObject({
      error_code: "LDEXT",
      error_detail: { external_id: "x", transaction_id: results[0]!["transaction_id"] },
    });
  });

  test("a repeated batch is replays, and what was refused is tried again", async () => {
    const batch = [
      ...Array.from({ length: 6 }, (_, n) =>
        moves("alice", "bob", n + 1, { idempotency_key: `r${n}` }),
      ),
      spends("carol", "bob", 5, { idempotency_key: "refused" }),
      moves("alice", "bob", 9, { idempotency_key: "pending", status: "pending", external_id: "x" }),
      {
        entries: move("alice", "bob", 1, { show_resulting_balances: true }),
        idempotency_key: "shown",
      },
      spends("carol", "bob", 5, { idempotency_key: "kept", archive_on_lock_failure: true }),
    ];
    const first = await make(batch);
    expect(outcomes(first).slice(6)).toEqual(["LDBAL", "pending", "posted", "LDBAL"]);
    await books.create(move("cash", "carol", 100));
    await books.archive(first[7]!);
    const before = await books.balance("alice");
    const again = await make([...batch, moves("cash", "bob", 1, { idempotency_key: "new" })]);
    expect(again.slice(0, 6)).toEqual(first.slice(0, 6).map((r) => ({ ...r, replayed: true })));
    expect(again[6]).toMatchObject({ status: "posted", replayed: false });
    expect(again.slice(7, 10)).toEqual(first.slice(7).map((r) => ({ ...r, replayed: true })));
    expect(again[10]).toMatchObject({ status: "posted", replayed: false });
    expect(await books.balance("alice")).toEqual(before);
  });

  test("the key of another operation is LDIDM", async () => {
    const pending = await books.create(move("alice", "bob", 1), { status: "pending" });
    await books.post(pending, { idempotency_key: "k" });
    const results = await make([...many(4), moves("alice", "bob", 1, { idempotency_key: "k" })]);
    expect(results[4]).toMatchObject({
      error_code: "LDIDM",
      error_detail: { operation: "post_transaction" },
    });
  });

  test("a decline is kept; nothing else of it is different", async () => {
    const results = await make([
      ...many(4),
      spends("carol", "bob", 1, { archive_on_lock_failure: true, idempotency_key: "k" }),
      spends("alice", "carol", 1, { archive_on_lock_failure: false }),
      moves("cash", "carol", 1, { archive_on_lock_failure: true }),
    ]);
    expect(results[4]).toMatchObject({
      status: "archived",
      archived_reason: "balance_lock_failure",
      error_code: "LDBAL",
    });
    expect(results.slice(5)).toMatchObject([
      { status: null, error_code: "LDBAL" },
      { status: "posted" },
    ]);
  });

  test("balances that a member asks for are those after it, not after the batch", async () => {
    const results = await make([
      ...many(4),
      { entries: [debit("alice", 1), credit("bob", 1, { show_resulting_balances: true })] },
      ...many(4),
    ]);
    const shown = await books.query(
      "select b.posted_amount::text as posted, b.lock_version::text as version from unnest($1::daybook.balances[]) b",
      [results[4]!["balances"]],
    );
    expect(shown).toEqual([{ posted: "5", version: "5" }]);
  });

  test("an account that lacks its lock's condition in one line waits with all its lines", async () => {
    const entries = [debit("alice", 3), credit("bob", 1, { lock_version: 4 }), credit("bob", 2)];
    const results = await make([...many(4), { entries }, { entries: move("bob", "alice", 1) }]);
    expect(outcomes(results)).toEqual(Array(6).fill("posted"));
    const locked = (await books.entriesOf("bob")).map((e) => e["locked"]);
    expect(locked).toEqual([false, false, false, false, true, true, false]);
  });

  test("a hold that expired is released by the member that would be refused for it", async () => {
    await books.create(move("cash", "carol", 10));
    const held = await books.create(move("carol", "bob", 10), {
      status: "pending",
      expires_at: "2999-01-01",
    });
    await books.lapse(held);
    const results = await make([...many(4), spends("carol", "bob", 10), ...many(4)]);
    expect(outcomes(results)).toEqual(Array(9).fill("posted"));
    expect(await books.transaction(held["transaction_id"])).toMatchObject({
      archived_reason: "expired",
    });
  });

  test("holds that a batch makes expire", async () => {
    const results = await make([
      hold("2999-01-01"),
      ...many(4),
      hold("2001-01-01"),
      hold("2999-02-02"),
    ]);
    expect(outcomes([results[0]!, results[5]!, results[6]!])).toEqual([
      "pending",
      "LDARG",
      "pending",
    ]);
    const watched = await books.look(
      "select distinct transaction_id from daybook_private.expiring_holds",
    );
    expect(watched.map((row) => row["transaction_id"]).toSorted()).toEqual([
      results[0]!["transaction_id"],
      results[6]!["transaction_id"],
    ]);
  });

  test.each<[string, Member, string]>([
    ["without entries", { entries: null }, "LDARG"],
    ["one entry", { entries: [debit("alice", 1)] }, "LDARG"],
    ["a malformed key", moves("alice", "bob", 1, { idempotency_key: "" }), "LDARG"],
    [
      "a key longer than an index takes",
      moves("alice", "bob", 1, { idempotency_key: "k".repeat(9000) }),
      "LDARG",
    ],
    ["a malformed external id", moves("alice", "bob", 1, { external_id: "x\ny" }), "LDARG"],
    ["an amount of nothing", moves("alice", "bob", 0), "LDAMT"],
    ["a fraction", moves("alice", "bob", 0.5), "LDAMT"],
    ["an infinite amount", { entries: move("alice", "bob", "Infinity") }, "LDAMT"],
    ["an account that is missing", moves("alice", "nobody", 1), "LDACC"],
    ["a malformed address", moves("alice", "no body", 1), "LDARG"],
    ["out of balance", { entries: [debit("alice", 1), credit("bob", 2)] }, "LDUNB"],
    ["balanced in sum, not per currency", moves("alice", "euro", 1), "LDUNB"],
  ])("%s is that member's refusal, alone or among others", async (_, bad, code) => {
    expect(outcomes(await make([bad]))).toEqual([code]);
    expect(outcomes(await make([...many(5), bad, ...many(5)]))).toEqual([
      ...Array(5).fill("posted"),
      code,
      ...Array(5).fill("posted"),
    ]);
  });

  test("a null for a transaction is LDARG", async () => {
    const results = await books.query(
      "select * from daybook.create_transactions('main', array_fill(null::daybook.transaction_input, array[5]))",
    );
    expect(outcomes(results)).toEqual(Array(5).fill("LDARG"));
  });

  test("two currencies in one member balance each for itself", async () => {
    const entries = [...move("cash", "alice", 5), ...move("euro-cash", "euro", 7)];
    expect(outcomes(await make([...many(4), { entries }]))).toEqual(Array(5).fill("posted"));
    expect(await books.violations()).toEqual([]);
  });

  test("a closed account refuses its member only", async () => {
    await books.open("shut");
    await books.call("close_account", { address: "shut" });
    const results = await make([...many(4), moves("shut", "bob", 1), spends("shut", "bob", 1)]);
    expect(outcomes(results).slice(4)).toEqual(["LDCLS", "LDCLS"]);
  });

  test("amounts are whole however they are written, and 35 digits are no trouble", async () => {
    const huge = "9".repeat(35);
    const results = await make([
      ...many(4),
      { entries: move("cash", "alice", "3.00") },
      { entries: move("cash", "carol", huge) },
      { entries: move("cash", "carol", huge) },
    ]);
    expect(outcomes(results)).toEqual(Array(7).fill("posted"));
    expect(await books.balance("carol")).toMatchObject({ posted_amount: `1${"9".repeat(34)}8` });
  });

  describe("atomic", () => {
    const atomic = { atomic: true };

    test("makes all", async () => {
      expect(outcomes(await make(many(6), atomic))).toEqual(Array(6).fill("posted"));
    });

    test("the first refusal is raised with its index, and nothing is kept", async () => {
      const before = await books.traces();
      const batch = [...many(5, {}), spends("alice", "bob", 1), moves("alice", "nobody", 1)];
      expect(await refusal(batch, atomic)).toMatchObject({
        code: "LDBAL",
        detail: { index: 6, entry_index: 1, account: "alice" },
      });
      expect(await refusal(batch.toReversed(), atomic)).toMatchObject({
        code: "LDACC",
        detail: { index: 1 },
      });
      expect(await books.traces()).toEqual(before);
    });

    test("keeps no declines", async () => {
      expect(
        await refusal([...many(2), ...many(1, { archive_on_lock_failure: true })], atomic),
      ).toMatchObject({
        code: "LDARG",
        detail: { argument: "archive_on_lock_failure", index: 3 },
      });
    });
  });
});

test("an empty batch is nothing", async () => {
  const before = await books.traces();
  expect(await make([])).toEqual([]);
  expect(await books.traces()).toEqual(before);
});

describe("refused as a whole", () => {
  test("more than 10 000 transactions, or no array", async () => {
    expect(await refusal(many(10_001))).toMatchObject({
      code: "LDARG",
      detail: { argument: "transactions" },
    });
    expect(
      await books.refused(() =>
        books.query("select * from daybook.create_transactions('main', null)"),
      ),
    ).toMatchObject({ code: "LDARG" });
  });

  test("more than 100 000 entries", async () => {
    const tooLarge = { entries: Array.from({ length: 500 }, () => move("alice", "bob", 1)).flat() };
    expect(await refusal(Array.from({ length: 101 }, () => tooLarge))).toMatchObject({
      code: "LDARG",
    });
  });

  test("another ledger", async () => {
    expect(
      await books.refusal("create_transactions", { ledger: "other", transactions: [] }),
    ).toMatchObject({
      code: "42501",
    });
  });
});

test("members of very many entries are made in portions", async () => {
  const results = await make(Array.from({ length: 30 }, (_, n) => large(n)));
  expect(outcomes(results)).toEqual(Array(30).fill("posted"));
  expect(await books.balance("bob")).toMatchObject({
    lock_version: "12000",
    posted_amount: "12000",
  });
  expect(await books.violations()).toEqual([]);
});

describe.each(["repeatable read", "serializable"])("at %s", (level) => {
  test("unlocked members queue, locked ones are LDISO", async () => {
    await books.query("commit");
    await books.query(`begin isolation level ${level}`);
    const results = await make([
      ...many(2),
      spends("alice", "bob", 1),
      ...many(2, { idempotency_key: `k-${level}` }),
    ]);
    expect(outcomes(results)).toEqual(["posted", "posted", "LDISO", "posted", "posted"]);
    expect(results[4]!["replayed"]).toBe(true);
    expect(
      await books.look("select count(*)::integer as queued from daybook_private.entry_queue"),
    ).toEqual([{ queued: 6 }]);
  });
});

const counterUpdates = async () => {
  const [row] = await books.look(
    "select pg_stat_get_xact_tuples_updated('daybook_private.account_counters'::regclass) as n",
  );
  return Number(row!["n"]);
};

test("few members with many entries are made by sets: their counters are written once", async () => {
  const before = await counterUpdates();
  expect(outcomes(await make([large(101), large(102), large(103)]))).toEqual(
    Array(3).fill("posted"),
  );
  expect((await counterUpdates()) - before).toBe(2);
});

const shown = (rows: Row[]) => rows.map(({ balances }) => balances);

test("members that show balances are made by sets too, and show what one call after the other shows", async () => {
  const shows = { show_resulting_balances: true };
  const members = Array.from({ length: 40 }, (_, k) => k + 1).flatMap((n) => [
    {
      entries: [
        credit("bob", 2),
        debit("alice", n + 1, shows),
        credit("bob", n, n % 2 ? shows : {}),
        debit("alice", 1),
      ],
      idempotency_key: `shows-${n}`,
      status: n % 3 ? "posted" : "pending",
    },
    moves("bob", "alice", 1),
  ]);
  await books.query("savepoint one_by_one");
  const singles: Row[] = [];
  for (const member of members) singles.push(...(await make([member])));
  await books.query("rollback to one_by_one");
  const before = await counterUpdates();
  const results = await make(members);
  expect((await counterUpdates()) - before).toBe(2);
  expect(shown(results)).toEqual(shown(singles));
  expect(new Set(shown(results)).size).toBe(41); // null, and each another
  const again = await make(members.filter(({ entries }) => entries!.length > 2));
  expect(shown(again)).toEqual(shown(singles).filter((balances) => balances !== null));
});
