import { describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks(async () => {
  await books.create(move("bob", "alice", 100));
  await books.create(move("alice", "carol", 10));
  await books.create([debit("alice", 5), debit("alice", 6), credit("bob", 11)]);
  await books.create(move("alice", "bob", 7), { status: "pending" });
  await books.create(move("carol", "alice", 1));
});

/** What only a broken machine or a superuser with his triggers off does. */
async function corrupt(sql: string): Promise<void> {
  await books.look(`
    set local session_replication_role = replica;
    ${sql.replaceAll(/\[(\w+)]/g, "(select id from daybook.accounts where ledger = 'main' and address = '$1')")};
    set local session_replication_role = origin`);
}

type Found = { account_id: string; violation: string; facts: Record<string, unknown> };

/** All that the worker finds, over all accounts. */
async function check(): Promise<Found[]> {
  const found: Found[] = [];
  for (const isFull of [true, false]) {
    const [round] = await books.look(
      `select * from daybook_private.check_accounts('', '00000000-0000-0000-0000-000000000000', ${isFull}, 60000)`,
    );
    found.push(...(round!["drifted"] as Found[]));
  }
  return found;
}
/** Lets a day go by: everything is due again. */
const nextDay = () =>
  books.look(
    "update daybook_private.account_checks set finished_at = finished_at - interval '1 day'",
  );

const rebuild = async (args: object = {}) => {
  await books.be("test_admin");
  const rows = await books.all("rebuild_balances", args);
  await books.be("test_writer");
  return rows;
};

const COUNTERS = "the counters of an account are not the sum of its entries";
const LINK = "version or counters of an entry are not those of its place";
const QUEUE = "queue and unversioned entries differ";

const CORRUPTIONS: [string, string, string][] = [
  [
    "a counter",
    "update daybook_private.account_counters set posted_debits = posted_debits + 1 where address = 'alice'",
    COUNTERS,
  ],
  [
    "the version of an account",
    "update daybook_private.account_counters set lock_version = lock_version - 1 where address = 'alice'",
    COUNTERS,
  ],
  [
    "the counters of an entry",
    "update daybook.entries set pending_credits = pending_credits + 1 where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the version of an entry",
    "update daybook.entries set lock_version = 9 where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "a version twice",
    "update daybook.entries set lock_version = 2 where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "a version below the first",
    "update daybook.entries set lock_version = -4 where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the version of the last entry, taken away",
    "update daybook.entries set lock_version = null where account_id = [alice] and lock_version = 6",
    COUNTERS,
  ],
  [
    "the version of an earlier entry, taken away",
    "update daybook.entries set lock_version = null where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the amount of an entry",
    "update daybook.entries set amount = amount + 1 where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the direction of an entry",
    "update daybook.entries set direction = 'credit' where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the effect of an entry",
    "update daybook.entries set effect = 'posted' where account_id = [alice] and effect = 'pending'",
    LINK,
  ],
  [
    "an entry, deleted",
    "delete from daybook.entries where account_id = [alice] and lock_version = 3",
    LINK,
  ],
  [
    "the last entry, deleted",
    "delete from daybook.entries where account_id = [alice] and lock_version = 6",
    COUNTERS,
  ],
  [
    "a queue row of nothing",
    "insert into daybook_private.entry_queue values ('main', [alice], uuidv7(), 1, 0, 1, 0)",
    QUEUE,
  ],
];

describe.each(CORRUPTIONS)("corrupting %s", (_, sql, violation) => {
  test("is found by the full check, marked and told; reads and checks go by the entries", async () => {
    expect(await check()).toEqual([]);
    await corrupt(sql);
    await nextDay();
    expect(await check()).toMatchObject([{ ledger: "main", violation }]);
    expect(await check()).toEqual([]); // known
    const [right] = await books.look(
      `select e.lock_version, e.posted_credits, e.posted_debits
         from daybook.accounts a, daybook_private.true_counters(a.ledger, a.id) e where a.address = 'alice'`,
    );
    expect(await books.balance("alice")).toMatchObject(right!);
    const logged = await books.look("select data from daybook.log where kind = 'drift_found'");
    expect(logged).toMatchObject([{ data: { violation } }]);
  });

  test("is repaired, and what was written meanwhile takes its place behind", async () => {
    await corrupt(sql);
    await check();
    await books.create(move("alice", "bob", 2, { available_balance: { gte: 0 } }));
    await books.create(move("bob", "alice", 3));
    const before = await books.balance("alice");
    expect(await rebuild({ account: "alice" })).toMatchObject([{ account: "alice", violation }]);
    expect(await books.balance("alice")).toEqual(before);
    await books.look(
      "select daybook_private.fold_account(ledger, id) from daybook.accounts where ledger = 'main'",
    );
    expect(await books.balance("alice")).toEqual(before);
    const rows = await books.entriesOf("alice");
    expect(rows.map((row) => Number(row["lock_version"]))).toEqual(rows.map((_row, n) => n + 1));
    expect(rows.at(-1)).toMatchObject({
      posted_credits: before["posted_credits"],
      pending_debits: before["pending_debits"],
    });
    await nextDay();
    expect(await check()).toEqual([]);
    expect(await rebuild()).toEqual([]);
    expect(await books.look("select * from daybook_private.drifts")).toEqual([]);
  });
});

test("a look that is noted as later than now does not count: the server's clock was ahead", async () => {
  expect(await check()).toEqual([]);
  await books.look(
    "update daybook_private.account_checks set finished_at = finished_at + interval '1 year'",
  );
  await corrupt(CORRUPTIONS[0]![1]);
  expect(await check()).toMatchObject([{ violation: COUNTERS }]);
  const left = await books.look(
    "select from daybook_private.account_checks where is_full and finished_at > clock_timestamp()",
  );
  expect(left).toHaveLength(1); // of the account that has drifted
});

test("a cache that alone was wrong leaves books without any violation", async () => {
  await corrupt(CORRUPTIONS[0]![1]);
  await corrupt(CORRUPTIONS[3]![1]);
  expect(await books.violations()).not.toEqual([]);
  const [rebuilt] = await rebuild();
  expect(rebuilt).toMatchObject({
    ledger: "main",
    account: "alice",
    before: { lock_version: 6, posted_debits: "22" },
    after: { lock_version: 6, posted_debits: "21" },
    changed_entries: "4", // the wrong version was the highest
  });
  expect(await books.violations()).toEqual([]);
  const logged = await books.look("select data from daybook.log where kind = 'rebuild_balances'");
  expect(logged).toMatchObject([{ data: { account: "alice", changed_entries: 4 } }]);
});

const rollUp = (max = 20_000) =>
  books.look(
    `select daybook_private.roll_up_account(ledger, id, $1), daybook_private.roll_up_account(ledger, id, $1, of_both => true)
       from daybook.accounts where address = 'alice'`,
    [max],
  );
const postedNow = async () =>
  (await books.call("account_balance", { account: "alice", effective_at: new Date() }))[
    "posted_amount"
  ];

describe("sums by time", () => {
  const SUMS = "sums by time are not those of the entries up to their cursor";
  const wrong: [string, string][] = [
    ["that are wrong", "update daybook_private.entry_sums set posted_credits = posted_credits + 1"],
    ["that are missing", "delete from daybook_private.entry_sums where effective_in = 'month'"],
    [
      "of nothing",
      "update daybook_private.entry_sums set effective_from = '2001-01-01' where effective_in = 'month' and recorded_in = 'month'",
    ],
    ["behind their cursor", "update daybook_private.rollup_cursors set lock_version = 5"],
    [
      "whose cursor is ahead of the account",
      "update daybook_private.rollup_cursors set lock_version = lock_version + 1",
    ],
    [
      "of both times whose cursor is behind",
      "update daybook_private.rollup_cursors set both_version = both_version - 1",
    ],
    [
      "of both times whose cursor is ahead of the other",
      "update daybook_private.rollup_cursors set both_version = both_version + 1",
    ],
  ];
  test.each(wrong)("%s are found, dropped and made anew", async (_, sql) => {
    await rollUp();
    await nextDay();
    expect(await check()).toEqual([]);
    await corrupt(sql);
    await nextDay();
    expect(await check()).toMatchObject([{ violation: SUMS }]);
    expect(await postedNow()).toBe("80");
    expect(await check()).toEqual([]);
    await rollUp();
    expect(await books.violations()).toEqual([]);
  });

  test.each(wrong)(
    "%s are told by verify_accounts, and dropped by rebuild_balances",
    async (_, sql) => {
      await rollUp();
      await corrupt(sql);
      await books.be("test_admin");
      expect(await books.all("verify_accounts", { accounts: ["alice"] })).toMatchObject([
        { violation: SUMS, subject: "alice" },
      ]);
      expect(await rebuild({ account: "alice" })).toMatchObject([
        { account: "alice", violation: SUMS },
      ]);
      expect(await postedNow()).toBe("80");
      await rollUp();
      expect(await books.violations()).toEqual([]);
    },
  );

  test("are made anew when versions were", async () => {
    await rollUp(3); // of which the third is about to become another one
    await corrupt(CORRUPTIONS[3]![1]);
    await rebuild();
    expect(await postedNow()).toBe("80");
    await rollUp();
    expect(await books.violations()).toEqual([]);
  });
});

test("what is right is left alone", async () => {
  const before = await books.traces();
  expect(await rebuild()).toEqual([]);
  expect(await books.traces()).toEqual(before);
});

test("queued entries stay queued, and none is taken for a drift", async () => {
  await books.look(
    "update daybook_private.account_counters set drifted_at = now() where address = 'alice'",
  );
  await books.create(move("bob", "alice", 3)); // which queues it
  await books.look(
    "update daybook_private.account_counters set drifted_at = null where address = 'alice'",
  );
  expect(await check()).toEqual([]);
  await corrupt("update daybook_private.entry_queue set posted_credits = 4");
  await nextDay();
  expect(await check()).toMatchObject([{ violation: QUEUE }]);
  await rebuild();
  expect(await books.balance("alice")).toMatchObject({ posted_amount: "83", lock_version: "7" });
  expect(await books.violations()).toEqual([]);
});

test("the recent check goes on where it stopped, and sees only what is new", async () => {
  expect(await check()).toEqual([]);
  await corrupt(
    "update daybook.entries set pending_credits = 1 where account_id = [alice] and lock_version = 3",
  );
  await books.create(move("bob", "alice", 1));
  expect(await check()).toEqual([]); // version 3 is of yesterday
  await corrupt(
    "update daybook.entries set pending_credits = 1 where account_id = [alice] and lock_version = 7",
  );
  await books.create(move("bob", "alice", 1));
  expect(await check()).toEqual([]); // and 7 is behind it by now
  await corrupt(
    "update daybook.entries set pending_credits = 1 where account_id = [alice] and lock_version = 8",
  );
  await nextDay();
  expect(await check()).toMatchObject([{ facts: { lock_version: 3 } }]);
});

test("a large account is checked in pieces", async () => {
  const [alice] = await books.look("select id from daybook.accounts where address = 'alice'");
  const piece = async () => {
    const [row] = await books.look(
      "select (v.reached).lock_version as reached, v.is_end from daybook_private.check_next_piece('main', $1, true, 2) v",
      [alice!["id"]],
    );
    return [Number(row!["reached"]), row!["is_end"]];
  };
  expect(await piece()).toEqual([2, false]);
  expect(await piece()).toEqual([4, false]);
  expect(await piece()).toEqual([6, false]);
  expect(await piece()).toEqual([6, true]);
  expect(await piece()).toEqual([2, false]);
});

describe("the repair of versions", () => {
  test("is nobody's but of a drifted account, and changes nothing else", async () => {
    const set = (columns: string) =>
      books.refused(() =>
        books.query(`update daybook.entries set ${columns} where lock_version = 3`),
      );
    await books.look("reset session authorization");
    await books.query("reset session authorization");
    expect(await set("lock_version = 4")).toMatchObject({ code: "LDIMM" });
    await books.query(
      "update daybook_private.account_counters set drifted_at = now() where ledger = 'main'",
    );
    expect(await set("amount = 4")).toMatchObject({ code: "LDIMM" });
    expect(await set("lock_version = null")).toMatchObject({ code: "LDIMM" });
    await books.query("update daybook.entries set lock_version = 4 where lock_version = 3");
    await books.be("test_writer");
  });
});

describe("refuses", () => {
  test("whoever is no administrator of the ledger", async () => {
    expect(await books.refusal("rebuild_balances", {})).toMatchObject({ code: "42501" });
  });

  test("what does not exist, and malformed names", async () => {
    await books.be("test_admin");
    const code = async (args: object) => (await books.refusal("rebuild_balances", args)).code;
    expect(await code({ account: "nobody" })).toBe("LDACC");
    expect(await code({ account: "no body" })).toBe("LDARG");
    expect(await code({ ledger: "nowhere" })).toBe("LDLED");
    expect(await code({ ledger: "no where" })).toBe("LDARG");
    await books.be("test_writer");
  });

  test("other isolation levels", async () => {
    await books.query("rollback");
    await books.query("begin isolation level repeatable read");
    await books.be("test_admin");
    expect(await books.refusal("rebuild_balances", {})).toMatchObject({ code: "LDISO" });
    await books.be("test_writer");
  });
});
