import { expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

/* What searches look through is compared with the books by verify_transactions, and made anew by rebuild_search. */

/** A posted transaction, one whose metadata was set afterwards, an archived one, and one that is not indexed. */
const made: Record<string, string> = {};
const books = useBooks(async () => {
  const make = async (name: string, row: Row) => (made[name] = row["transaction_id"] as string);
  await make("first", await books.create(move("bob", "alice", 1)));
  await make("posted", await books.create(move("bob", "alice", 100), { external_id: "E1" }));
  await make("changed", await books.create(move("bob", "alice", 9), { description: "rent" }));
  await books.call("set_transaction_metadata", {
    transaction_id: made["changed"],
    metadata: { seen: 1 },
  });
  const archived = await books.create(move("alice", "bob", 7), { status: "pending" });
  await make("archived", archived);
  await books.archive(archived);
  await books.look("select daybook_private.index_search('main')");
  await headAtTheEnd();
  await make("late", await books.create(move("bob", "alice", 3)));
});

/** As after more than the few seconds that index_search leaves for what may still be committed. */
const headAtTheEnd = () =>
  books.look(`update daybook_private.search_heads set indexed_until = greatest(
    (select id from daybook.transactions order by id desc limit 1),
    (select id from daybook_private.log_events order by id desc limit 1))`);

async function verify(args: object = {}): Promise<Row[]> {
  await books.be("test_admin");
  const rows = await books.all("verify_transactions", args);
  await books.be("test_writer");
  return rows;
}

async function rebuild(args: object = {}): Promise<Row[]> {
  await books.be("test_admin");
  const rows = await books.all("rebuild_search", args);
  await books.be("test_writer");
  return rows;
}

const OTHERWISE = "search knows something else than the books";
const UNKNOWN = "search does not know a transaction";
const TOO_MANY = "search knows a transaction that is not in the books";
const LINES = "search knows other lines than the books";

const document = (name: string) =>
  `daybook_private.search_documents where transaction_id = <${name}>`;
const line = (name: string) => `daybook_private.search_lines where transaction_id = <${name}>`;
const setDocument = (set: string, name: string) =>
  `update ${document(name).replace("where", `set ${set} where`)}`;
const setLine = (set: string, name: string) =>
  `update ${line(name).replace("where", `set ${set} where`)}`;

test("what the worker indexes is right, and what it has not indexed is not looked for", async () => {
  expect(await verify()).toEqual([]);
  expect(await rebuild()).toEqual([]);
  expect(await books.look("select from daybook.log where kind = 'rebuild_search'")).toEqual([]);
});

test.each<[string, string, string, string]>([
  ["a row, missing", `delete from ${document("posted")}`, "posted", UNKNOWN],
  ["a status", setDocument("status = 'archived'", "posted"), "posted", OTHERWISE],
  ["an effective time", setDocument("effective_at = now()", "posted"), "posted", OTHERWISE],
  ["when it was made", setDocument("created_at = now()", "posted"), "posted", OTHERWISE],
  ["an external id", setDocument("external_id = null", "posted"), "posted", OTHERWISE],
  ["words", setDocument("words = 'rend'", "changed"), "changed", OTHERWISE],
  ["facts", setDocument("facts = facts || '{\"x\": 1}'", "changed"), "changed", OTHERWISE],
  [
    "a change that was passed over",
    setDocument("facts = null, last_event_id = null", "changed"),
    "changed",
    OTHERWISE,
  ],
  [
    "a change that there was not",
    setDocument("last_event_id = uuidv7()", "posted"),
    "posted",
    OTHERWISE,
  ],
  ["lines, missing", `delete from ${line("archived")}`, "archived", LINES],
  ["an amount", setLine("amount = amount + 1", "posted"), "posted", LINES],
  ["a currency", setLine("currency = 'EUR'", "posted"), "posted", LINES],
  ["when a line was made", setLine("created_at = now()", "posted"), "posted", LINES],
  ["a direction", setLine("direction = 'debit'", "posted"), "posted", LINES],
  [
    "a line too many",
    "insert into daybook_private.search_lines select ledger, transaction_id, 9, account_id, direction, amount, currency, effective_at, created_at " +
      `from ${line("posted")} and position = 1`,
    "posted",
    LINES,
  ],
])("of %s is found, named and repaired", async (_, change, name, violation) => {
  await books.look(change.replaceAll(/<(\w+)>/g, (_all, of: string) => `'${made[of]}'`));
  const expected = [
    expect.objectContaining({ violation, subject: made[name], facts: expect.anything() }),
  ];
  expect(await verify()).toEqual(expected);
  expect(await verify({ after: made["first"], until: made["archived"] })).toEqual(expected);
  expect(await verify({ until: made["first"] })).toEqual([]);
  const [{ news }] = (await books.look(
    "select news from daybook_private.check_transactions('', 60000)",
  )) as [Row];
  expect(news).toEqual(expected);

  expect(await rebuild({ until: made["first"] })).toEqual([]);
  expect(await rebuild({ after: made["first"], until: made["archived"] })).toEqual(expected);
  expect(await verify()).toEqual([]);
  expect(await books.look("select violations::integer from daybook.balance_health")).toEqual([
    { violations: 0 },
  ]);
  expect(await books.look("select data from daybook.log where kind = 'rebuild_search'")).toEqual([
    { data: { transactions: 1 } },
  ]);
});

test.each([
  ["a row", "search_documents", TOO_MANY],
  ["lines", "search_lines", LINES],
])("%s of a transaction that is not there, behind all others, too", async (_, table, violation) => {
  await books.look(
    `insert into daybook_private.${table}
     select (jsonb_populate_record(t, jsonb_build_object('transaction_id', $2::uuid))).*
       from daybook_private.${table} t where t.transaction_id = $1`,
    [made["posted"], "ffffffff-0000-7000-8000-000000000000"],
  );
  const found = await verify();
  expect(found).toMatchObject([{ violation }]);
  const pass = await books.look("select news from daybook_private.check_transactions('', 60000)");
  expect(pass).toMatchObject([{ news: [{ violation }] }]);
  expect(await rebuild()).toEqual(found);
  expect(await verify()).toEqual([]);
});

test("a search finds again what it had lost", async () => {
  const amounts = async () =>
    (await books.all("search_transactions", { account: "alice" })).map((row) =>
      Number(row["amount"]),
    );
  const all = await amounts();
  await books.look("update daybook_private.search_lines set amount = 1000");
  await books.look("delete from daybook_private.search_documents where external_id = 'E1'");
  expect(await amounts()).not.toEqual(all);
  expect(await rebuild()).toHaveLength(4);
  expect(await amounts()).toEqual(all);
});

/** How many tables were read whole since the beginning of the transaction. */
const whole = async () => {
  const [row] = await books.look(
    `select coalesce(sum(seq_scan), 0)::integer as scans from pg_stat_xact_user_tables
      where relname ~ '^(transactions|entries|log_events|search_)'`,
  );
  return row!["scans"] as number;
};

test("a piece of a ledger is looked at by indexes, never by reading a whole table", async () => {
  const before = await whole();
  await verify({ after: made["first"], until: made["archived"] });
  expect(await whole()).toBe(before);
});

test("refuses whoever may not administer the ledger, and a ledger that is not there", async () => {
  const code = async (args: object) => (await books.refusal("rebuild_search", args)).code;
  expect(await code({})).toBe("42501");
  await books.be("test_auditor");
  expect(await code({})).toBe("42501");
  await books.be("test_admin");
  expect(await code({ ledger: "none" })).toBe("LDLED");
  expect(await code({ ledger: "-" })).toBe("LDLED");
});

test("refuses an older snapshot, which would put back what has changed since", async () => {
  await books.query("rollback");
  await books.query("begin isolation level repeatable read");
  await books.be("test_admin");
  expect(await books.refusal("rebuild_search", {})).toMatchObject({ code: "LDISO" });
});
