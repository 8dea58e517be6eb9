import { describe, expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks(async ({ call, create, post, archive, query }) => {
  for (const category of ["top", "left", "right", "empty"])
    await call("create_category", { category, currency: "USD" });
  for (const args of [
    { category: "top", child_category: "left" },
    { category: "top", child_category: "right" },
    { category: "left", account: "alice" },
    { category: "right", account: "alice" },
    { category: "right", account: "carol" },
  ])
    await call("add_to_category", args);
  await query("begin"); // so that what is posted late is younger than what came in between
  const late = await create(move("alice", "bob", 1), { status: "pending" });
  for (let n = 0; n < 30; n++) {
    await create(move("bank", "cash", 1));
    if (n % 3 === 0) await create(move("alice", "carol", 1));
    if (n % 5 === 0) await create(move("bank", "carol", 2), { status: "pending" });
    if (n % 7 === 0) await archive(await create(move("alice", "bank", 2), { status: "pending" }));
  }
  await post(late);
  await query("commit");
});

const page = (args: object = {}) =>
  books.all("category_transactions", { category: "top", ...args });
const ids = (rows: Record<string, unknown>[]) => rows.map((row) => row["id"]);
const expected = async () =>
  ids(
    await books.look(
      `select t.id from daybook.transactions t
        where exists (select from daybook.entries e join daybook.accounts a on a.id = e.account_id
                       where e.transaction_id = t.id and a.address in ('alice', 'carol'))
        order by t.id desc`,
    ),
  );

/** Entries of a transaction on alice and cash, as if they had replaced others, with ids of this time. */
const writeEntries = (transactionId: unknown, at = "now()") =>
  books.look(
    `insert into daybook.entries (ledger, id, transaction_id, transaction_version, position, account_id,
       direction, amount, currency, effect, locked, effective_at, created_at)
     select 'main', case when ${at} = now() then uuidv7() else uuidv7(${at} - now()) end, $1, 2, 1, a.id,
            case when a.address = 'cash' then 'debit' else 'credit' end::daybook.direction, 1, 'USD', 'posted', false, ${at}, ${at}
       from daybook.accounts a where a.address in ('alice', 'cash')`,
    [transactionId],
  );

/** Small categories go by their own entries, large ones by the ledger's transactions first: both must agree. */
describe.each([
  ["small", "true"],
  ["large", "false"],
])("as a %s category", (_, isSmall) => {
  const pretend = () =>
    books.look(
      `create or replace function daybook_private.is_small_category(ledger text, account_ids uuid[])
         returns boolean language sql stable as 'select ${isSmall}'`,
    );

  test("shows every transaction that touches it, of any status, newest first, each once", async () => {
    await pretend();
    const rows = await page();
    expect(ids(rows)).toEqual(await expected());
    expect(new Set(rows.map((row) => row["status"]))).toEqual(
      new Set(["posted", "pending", "archived"]),
    );
    expect(ids(await page({ category: "empty" }))).toEqual([]);
  });

  test.each([1, 2, 3, 7])("pages of %i rows make up the whole", async (first) => {
    await pretend();
    const seen: unknown[] = [];
    for (let after: unknown; ; after = seen.at(-1)) {
      const rows = await page({ first, after });
      seen.push(...ids(rows));
      if (rows.length < first) break;
    }
    expect(seen).toEqual(await expected());
  });

  test("finds a transaction that came to touch it only later, in its own place", async () => {
    await pretend();
    const before = await expected();
    const rows = await books.query("select id from daybook.transactions order by id");
    const other = ids(rows).find((id, n) => n > 3 && !before.includes(id));
    await writeEntries(other);
    const all = await expected();
    expect(all).toHaveLength(before.length + 1);
    expect(ids(await page())).toEqual(all);
    const place = all.indexOf(other);
    expect(ids(await page({ first: 1, after: all[place - 1] }))).toEqual([other]);
  });

  test("finds what is years old", async () => {
    await pretend();
    const [old] = await books.look(
      `insert into daybook.transactions (ledger, id, status, effective_at, created_at, actor)
       select 'main', uuidv7(-age), 'posted', now() - age, now() - age, 'x' from (values (interval '3 years')) v (age)
       returning id`,
    );
    await writeEntries(old!["id"], "now() - interval '3 years' + interval '1 minute'");
    const all = await expected();
    expect(all.at(-1)).toBe(old!["id"]);
    expect(ids(await page())).toEqual(all);
    expect(ids(await page({ after: all.at(-2) }))).toEqual([old!["id"]]);
  });

  test("finds what is old in a ledger where much has happened since", async () => {
    await pretend();
    const old = (await expected()).slice(0, 3);
    for (let n = 0; n < 60; n++) await books.create(move("bank", "cash", 1));
    expect(ids(await page({ first: 2 }))).toEqual(old.slice(0, 2));
    expect(ids(await page({ first: 1, after: old[0] }))).toEqual(old.slice(1, 2));
  });
});

test.each<[string, object]>([
  ["LDARG", { first: 0 }],
  ["LDARG", { first: 1001 }],
  ["LDARG", { category: "a b" }],
  ["LDCTG", { category: "none" }],
  ["42501", { ledger: "none" }],
])("%s for %j", async (code, args) => {
  expect(await books.refusal("category_transactions", { category: "top", ...args })).toMatchObject({
    code,
  });
});

test("any id may be the place to go on from", async () => {
  expect(await page({ after: "00000000-0000-0000-0000-000000000000" })).toEqual([]);
  const all = await expected();
  for (const after of [
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "f0000000-0000-4000-8000-000000000000",
  ])
    expect(ids(await page({ after }))).toEqual(all);
});
