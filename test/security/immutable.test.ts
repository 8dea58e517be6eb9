import { describe, expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks(async (b) => {
  await b.call("create_category", { category: "all", currency: "USD" });
  await b.call("add_to_category", { category: "all", account: "alice" });
  await b.create(move("alice", "bob", 5), { external_id: "x" });
  await b.create(move("alice", "bob", 7), { status: "pending" });
  await b.archive(await b.create(move("alice", "bob", 9), { status: "pending" }));
  await b.query("begin isolation level repeatable read");
  await b.create(move("alice", "bob", 11));
  await b.query("commit");
  await b.look("select daybook_private.seal_log('main', 1000)");
});

const refusal = (sql: string) => books.refused(() => books.look(sql));
const IMMUTABLE = { code: "LDIMM" };
const RECORDS = [
  "daybook.currencies",
  "daybook.ledgers",
  "daybook.accounts",
  "daybook.categories",
  "daybook.transactions",
  "daybook.entries",
  "daybook_private.log_events",
];
const PARTITIONED = RECORDS.slice(4);

const partitions = async (parent: string) =>
  (
    await books.look(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass",
      [parent],
    )
  ).map((row) => row["name"] as string);

const filled = async (parent: string) => {
  for (const name of await partitions(parent)) {
    const [row] = await books.look(`select exists (select from ${name}) as yes`);
    if (row!["yes"]) return name;
  }
  throw new Error(`${parent} is empty`);
};

describe.each([...RECORDS, "daybook_private.seals", "daybook_private.seal_blocks"])(
  "the superuser meets LDIMM in %s",
  (table) => {
    test("for delete", async () => {
      expect(await refusal(`delete from ${table}`)).toMatchObject(IMMUTABLE);
    });

    test("for truncate, also with cascade and restart", async () => {
      expect(await refusal(`truncate ${table} cascade`)).toMatchObject(IMMUTABLE);
      expect(await refusal(`truncate only ${table} restart identity cascade`)).toMatchObject({
        code: expect.stringMatching(/LDIMM|42809/), // of a partitioned table alone, PostgreSQL truncates nothing
      });
    });

    test("for a merge that deletes", async () => {
      expect(
        await refusal(
          `merge into ${table} t using (values (1)) v on true when matched then delete`,
        ),
      ).toMatchObject(IMMUTABLE);
    });
  },
);

describe.each(PARTITIONED)("every partition of %s, named directly", (table) => {
  test("is guarded against delete, update and truncate", async () => {
    const name = await filled(table);
    expect(await refusal(`delete from ${name}`)).toMatchObject(IMMUTABLE);
    expect(await refusal(`update ${name} set ledger = 'other'`)).toMatchObject(IMMUTABLE);
    for (const partition of await partitions(table)) {
      expect(await refusal(`truncate ${partition}`)).toMatchObject(IMMUTABLE);
    }
  });
});

const NO_CHANGE: [table: string, set: string, where?: string][] = [
  ["daybook.currencies", "code = 'XXY'"],
  ["daybook.currencies", "exponent = 3", "code = 'USD'"],
  ["daybook.currencies", "name = 'Dollar'", "code = 'USD'"],
  ["daybook.ledgers", "name = 'other'"],
  ["daybook.ledgers", "created_at = now()"],
  ["daybook.accounts", "ledger = 'other'"],
  ["daybook.accounts", "id = uuidv7()"],
  ["daybook.accounts", "address = 'x'"],
  ["daybook.accounts", "currency = 'JPY'"],
  ["daybook.accounts", "normal_balance = 'debit'", "normal_balance = 'credit'"],
  ["daybook.accounts", "created_at = now()"],
  ["daybook.accounts", "request_hash = 0"],
  ["daybook.categories", "ledger = 'other'"],
  ["daybook.categories", "category = 'x'"],
  ["daybook.categories", "currency = 'EUR'"],
  ["daybook.categories", "currency_exponent = 0"],
  ["daybook.categories", "normal_balance = 'debit'"],
  ["daybook.categories", "created_at = now()"],
  ["daybook.categories", "request_hash = 0"],
  ["daybook.category_members", "category = 'x'"],
  ...[
    "ledger = 'other'",
    "id = uuidv7()",
    "created_at = now()",
    "actor = 'me'",
    "request_id = 'x'",
    "client_address = '1.2.3.4'",
    "reverses_transaction_id = uuidv7()",
    "partially_posts_transaction_id = uuidv7()",
    "counterpart_ledger = 'x'",
    "counterpart_transaction_id = uuidv7()",
  ].map((set): [string, string] => ["daybook.transactions", set]),
  ...[
    "status = 'pending'",
    "version = version + 1",
    "effective_at = now()",
    "posted_at = null",
    "archived_at = now()",
    "archived_reason = 'x'",
    "expires_at = now()",
    "external_id = 'y'",
    "external_id = null",
    "description = 'x'",
    "status = 'archived', version = version + 1",
  ].map((set): [string, string, string] => [
    "daybook.transactions",
    set,
    "status = 'posted' and external_id = 'x'",
  ]),
  ["daybook.transactions", "status = 'pending', version = version + 1", "status = 'archived'"],
  ["daybook.transactions", "reversed_by_transaction_id = uuidv7()", "status = 'archived'"],
  ["daybook.transactions", "status = 'posted'", "status = 'pending'"],
  ["daybook.transactions", "status = 'posted', version = version + 2", "status = 'pending'"],
  ...[
    "ledger = 'other'",
    "id = uuidv7()",
    "id = uuidv7(interval '-400 days')", // into another partition
    "transaction_id = uuidv7()",
    "transaction_version = 9",
    "position = 9",
    "account_id = uuidv7()",
    "direction = 'debit'",
    "amount = amount + 1",
    "currency = 'EUR'",
    "effect = 'released'",
    "locked = not locked",
    "effective_at = now()",
    "created_at = now()",
    "metadata = '{}', lock_version = 1",
    "lock_version = lock_version + 1",
    "lock_version = null",
    "posted_debits = 0",
  ].map((set): [string, string, string] => [
    "daybook.entries",
    set,
    "lock_version is not null and direction = 'credit'",
  ]),
  ["daybook.entries", "amount = 1, lock_version = 99", "lock_version is null"],
  ["daybook.entries", "posted_debits = 5", "lock_version is null"],
  ["daybook.entries", "account_id = uuidv7(), lock_version = 99", "lock_version is null"],
  ...[
    "ledger = 'x'",
    "kind = 'x'",
    "data = '{}'",
    "actor = 'me'",
    "created_at = now()",
    "request_id = 'x'",
  ].map((set): [string, string] => ["daybook_private.log_events", set]),
  ["daybook_private.seals", "no = no + 1"],
  ["daybook_private.seals", "leaf = ''"],
  ["daybook_private.seal_blocks", "hash = ''"],
];

test.each(NO_CHANGE)(
  "%s set %s where %s is LDIMM for the superuser",
  async (table, set, where = "true") => {
    const [row] = await books.look(`select count(*)::int as n from ${table} where ${where}`);
    expect(row!["n"]).toBeGreaterThan(0);
    expect(await refusal(`update ${table} set ${set} where ${where}`)).toMatchObject(IMMUTABLE);
  },
);

test("metadata of a posted transaction may change, and nothing of it else", async () => {
  await books.look(`update daybook.transactions set metadata = '{"a": 1}' where status = 'posted'`);
});

const month = (values: string) =>
  `insert into daybook_private.detachments (ledger, month, state, moving_in) values ('*', ${values})`;

describe("entries may be deleted by the transaction that detaches their month, and only then", () => {
  const THIS = "date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'";

  test.each([
    ["another transaction's mark", `${THIS}, 'detaching', '7'`],
    ["no mark", `${THIS}, 'detaching', null`],
    ["an older month's", `${THIS} - interval '40 days', 'detaching', pg_current_xact_id()`],
    ["a detached month's", `${THIS}, 'detached', pg_current_xact_id()`],
    ["that of a month on its way back", `${THIS}, 'attaching', pg_current_xact_id()`],
  ])("not by %s", async (_name, values) => {
    await books.look(month(values));
    expect(await refusal("delete from daybook.entries")).toMatchObject(IMMUTABLE);
  });
});

test("the log of the instance gives way to nobody", async () => {
  await books.look("select daybook_private.log_event('*', 'restore_ledger', '{}')");
  await books.look(
    "insert into daybook_private.seal_heads as h (ledger) values ('*') on conflict (ledger) do update set no = 0",
  );
  expect(await refusal("delete from daybook_private.log_events where ledger = '*'")).toMatchObject(
    IMMUTABLE,
  );
});

const insert = (table: string, rows: string) =>
  `insert into ${table} (ledger, id, transaction_id, transaction_version, position, account_id,
     direction, amount, currency, effect, locked, effective_at, created_at)
   select r.ledger, r.id, '00000000-0000-7000-8000-000000000001', r.version, 1, gen_random_uuid(),
          r.direction::daybook.direction, r.amount, r.currency, r.effect::daybook.entry_effect, false, now(), now()
     from (values ${rows}) r (ledger, id, version, direction, amount, currency, effect)`;

const line = (
  direction: string,
  amount: string,
  { ledger = "main", version = 1, currency = "USD", effect = "posted", id = "uuidv7()" } = {},
) =>
  `('${ledger}', ${id}, ${version}, '${direction}', ${amount}::numeric, '${currency}', '${effect}')`;

const lines = (...rows: string[]) => rows.join(", ");

describe("entries that somebody writes by hand", () => {
  const UNBALANCED: [string, string][] = [
    ["one line", line("debit", "5")],
    ["two on one side", lines(line("debit", "5"), line("debit", "5"))],
    ["different amounts", lines(line("debit", "5"), line("credit", "6"))],
    ["two currencies", lines(line("debit", "5"), line("credit", "5", { currency: "EUR" }))],
    ["two effects", lines(line("debit", "5"), line("credit", "5", { effect: "pending" }))],
    ["two versions", lines(line("debit", "5"), line("credit", "5", { version: 2 }))],
    ["two ledgers", lines(line("debit", "5"), line("credit", "5", { ledger: "other" }))],
    ["negative amounts", lines(line("debit", "-5"), line("credit", "-5"))],
    ["a negative amount that makes up", lines(line("debit", "5"), line("debit", "-5"))],
    ["zero amounts", lines(line("debit", "0"), line("credit", "0"))],
    ["fractions", lines(line("debit", "0.5"), line("credit", "0.5"))],
    ["amounts too large", lines(line("debit", "1e36"), line("credit", "1e36"))],
    ["NaN", lines(line("debit", "'NaN'"), line("credit", "'NaN'"))],
    ["Infinity", lines(line("debit", "'Infinity'"), line("credit", "'Infinity'"))],
  ];

  test.each(UNBALANCED)("%s: LDUNB", async (_, rows) => {
    expect(await refusal(insert("daybook.entries", rows))).toMatchObject({ code: "LDUNB" });
  });

  test("LDUNB in each partition that is named directly", async () => {
    const current = await filled("daybook.entries");
    expect(await refusal(insert(current, line("debit", "5")))).toMatchObject({ code: "LDUNB" });
    const old = {
      id: "('00000000-0000-7000-8000-' || lpad((random() * 1e9)::bigint::text, 12, '0'))::uuid",
    };
    const one = insert("daybook.entries_default", line("debit", "5", old));
    expect(await refusal(one)).toMatchObject({ code: "LDUNB" });
    for (const name of await partitions("daybook.entries")) {
      const [guard] = await books.look(
        `select count(*)::int as n from pg_trigger where tgrelid = '${name}'::regclass
           and tgfoid = 'daybook_private.guard_entries'::regproc and tgenabled = 'O'`,
      );
      expect([name, guard!["n"]]).toEqual([name, 1]);
    }
  });

  test("balanced ones pass the guard: then they are the owner's problem", async () => {
    await books.look(insert("daybook.entries", lines(line("debit", "5"), line("credit", "5"))));
    const current = await filled("daybook.entries");
    await books.look(
      insert(current, lines(line("debit", "2"), line("debit", "3"), line("credit", "5"))),
    );
  });

  test("several transactions in one statement are judged one by one", async () => {
    const pair = (currency: string) =>
      lines(line("debit", "5", { currency }), line("credit", "5", { currency }));
    await books.look(insert("daybook.entries", lines(pair("USD"), pair("EUR"))));
    const rows = lines(pair("USD"), line("debit", "1", { currency: "EUR" }));
    expect(await refusal(insert("daybook.entries", rows))).toMatchObject({ code: "LDUNB" });
  });
});
