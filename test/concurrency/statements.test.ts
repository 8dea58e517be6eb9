import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer, withdrawal } from "../support/ledgers.ts";
import { randomFrom } from "../support/load.ts";
import { rollUp } from "../support/moments.ts";
import { SEED } from "../support/seed.ts";
import { openSessions, type Row, type Session } from "../support/sessions.ts";

/** All pages of a statement, and a trial balance, show one snapshot, whatever happens meanwhile. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

const random = randomFrom(SEED);
const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const time = (from: number, days: number) =>
  new Date(START + Math.floor(from + random() * days) * DAY).toISOString();
const fold = (ledger: string) =>
  `select daybook_private.fold_account(ledger, id) from daybook.accounts
    where ledger = '${ledger}' and address = 'alice'`;

/** What a statement must show, from nothing but entries. */
const oracle = (ledger: string, span: Span) => ({
  text: `
    with posted as (
      select e.id, e.effective_at, case when e.direction = 'credit' then e.amount else -e.amount end as amount
        from daybook.entries e
        join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
       where e.ledger = $1 and a.address = 'alice' and e.effect in ('posted', 'settled')
    ),
    shown as (
      select p.*, sum(p.amount) over (order by p.effective_at, p.id) as balance from posted p
    )
    select coalesce(jsonb_agg(jsonb_build_array(s.id, s.balance) order by s.effective_at, s.id)
                      filter (where s.effective_at >= $2 and s.effective_at < $3), '[]') as entries,
           coalesce(sum(s.amount) filter (where s.effective_at < $2), 0)::integer as opening,
           coalesce(sum(s.amount) filter (where s.effective_at < $3), 0)::integer as closing
      from shown s`,
  values: [ledger, span.starts_at ?? "-infinity", span.ends_at ?? "infinity"],
});

/** Rows of a trial balance now and at a time that differ from sums of entries: two accounts and a total each. */
const differences = (ledger: string, at: string) => ({
  text: `
    with asked (at) as (values (null::timestamptz), ($2)),
    sums as (
      select q.at, a.address as account,
             coalesce(sum(e.amount) filter (where e.direction = 'debit'), 0) as debits,
             coalesce(sum(e.amount) filter (where e.direction = 'credit'), 0) as credits
        from asked q
       cross join daybook.accounts a
        left join daybook.entries e
          on e.ledger = a.ledger and e.account_id = a.id and e.effect in ('posted', 'settled')
         and (q.at is null or e.effective_at <= q.at)
       where a.ledger = $1
       group by grouping sets ((q.at, a.address), (q.at))
    )
    select count(*)::integer as rows,
           coalesce(jsonb_agg(jsonb_build_array(t, s)) filter (where
             (t.posted_debits, t.posted_credits, t.debit_balance - t.credit_balance)
             is distinct from (s.debits, s.credits, s.debits - s.credits)), '[]') as wrong
      from asked q
     cross join lateral daybook.trial_balance($1, q.at) t
      left join sums s on s.at is not distinct from q.at and s.account is not distinct from t.account`,
  values: [ledger, at],
});

type Span = { starts_at: string | null; ends_at: string | null };
const statement = (ledger: string, span: Span, first: number, after: string | null) => ({
  text: `select array(select jsonb_build_array(e.entry_id, e.balance) from unnest(s.entries) e) as entries,
                s.opening_balance::integer as opening, s.closing_balance::integer as closing, s.next_page,
                cardinality(s.entries) as length
           from daybook.account_statement($1, 'alice', $2, $3, $4, $5) s`,
  values: [ledger, span.starts_at, span.ends_at, first, after],
});
/** How many queued entries the cursor of a page names. */
const queuedIn = (page: Row): number =>
  Buffer.from(page["next_page"]?.split(".")[1] ?? "", "base64").length / 16;

/** Reads on in snapshots of their own, a little later each; gives all pages. */
async function readOn(reader: Session, ledger: string, span: Span, first: number, page: Row) {
  const pages = [page];
  while (pages.at(-1)!["next_page"]) {
    await reader.step("select pg_sleep(0.005)");
    pages.push(await reader.step(statement(ledger, span, first, pages.at(-1)!["next_page"])));
  }
  return pages;
}

test("entries that were queued at the first page are on later ones, and none that came later", async () => {
  const { ann, bob, holder } = await openSessions(database, ["ann", "bob", "holder"]);
  const ledger = await openLedger(database, { alice: { money: 5 } });
  const give = (amount: number, day: number) =>
    ann.step(transfer(ledger, "world", "alice", amount, { effective_at: time(day, 0) }));
  for (let day = 1; day <= 3; day++) await give(1, day);
  await holder.step("begin");
  await holder.step(withdrawal(ledger, "alice", 1));
  for (let day = 1; day <= 5; day++) await give(10, day);
  const span = { starts_at: null, ends_at: null };
  const whole = await bob.step(statement(ledger, span, 1000, null));
  const first = await bob.step(statement(ledger, span, 2, null));
  expect([whole["length"], whole["closing"], queuedIn(first)]).toEqual([9, 58, 4]);
  // Ids that are smaller than those of queued entries may be folded before them.
  await ann.step("begin");
  for (let day = 1; day <= 5; day++) await give(100, day);
  await holder.step("commit");
  await ann.step("commit");
  await database.pool.query(fold(ledger));
  await give(1000, 2);
  const pages = await readOn(bob, ledger, span, 2, first);
  expect(pages.flatMap((page) => page["entries"])).toEqual(whole["entries"]);
  expect(pages.map((page) => page["closing"])).toEqual([58, 58, 58, 58, 58]);
});

test("under backdating, folding and locked entries each statement is one snapshot", async () => {
  const names = ["ann", "bob", "carl", "holder", "reader"] as const;
  const { holder, reader, ...writers } = await openSessions(database, names);
  const ledger = await openLedger(database, { alice: { money: 1e6 } });
  const writing = { isOver: false };
  const write = async (writer: Session) => {
    while (!writing.isOver) {
      const [from, to] = random() < 0.5 ? ["world", "alice"] : ["alice", "world"];
      const given = {
        effective_at: time(0, 10),
        ...(random() < 0.2 && { status: "pending" as const }),
      };
      const locked = random() < 0.2 && {
        [from === "alice" ? "from" : "to"]: {
          lock_version: undefined,
          available_balance: { gte: -1e9 },
        },
      };
      const { transaction_id, status } = await writer.step(
        transfer(ledger, from!, to!, 1 + Math.floor(random() * 9), { ...given, ...locked }),
      );
      if (status !== "pending") continue;
      const end = random() < 0.7 ? "post" : "archive";
      await writer.step(`select daybook.${end}_transaction('${ledger}', '${transaction_id}')`);
    }
  };
  const hold = async () => {
    while (!writing.isOver) {
      await holder.step("begin");
      await holder.step(withdrawal(ledger, "alice", 1));
      await holder.step("select pg_sleep(0.03)");
      await holder.step("commit");
      await database.pool.query(fold(ledger));
      await database.pool.query(rollUp(ledger, "alice"));
    }
  };
  let named = 0; // entries that were queued and stood on a later page
  const read = async () => {
    for (let n = 0; n < 40 || named < 50; n++) {
      const span = {
        starts_at: random() < 0.3 ? null : time(0, 5),
        ends_at: random() < 0.3 ? null : time(5, 6),
      };
      await reader.step("begin isolation level repeatable read");
      const expected = await reader.step(oracle(ledger, span));
      const size = Math.min(1 + Math.ceil(expected["entries"].length / (2 + random() * 8)), 1000);
      const first = await reader.step(statement(ledger, span, size, null));
      const trials = await reader.step(differences(ledger, time(0, 11)));
      await reader.step("commit");
      expect(trials).toEqual({ rows: 6, wrong: [] });
      const pages = await readOn(reader, ledger, span, size, first);
      expect(pages.flatMap((page) => page["entries"])).toEqual(expected["entries"]);
      for (const { opening, closing } of pages) {
        expect([opening, closing]).toEqual([expected["opening"], expected["closing"]]);
      }
      named += queuedIn(first);
    }
    writing.isOver = true;
  };
  await Promise.all([
    ...Object.values(writers).map(write),
    hold(),
    read().finally(() => (writing.isOver = true)),
  ]);
}, 60_000);
