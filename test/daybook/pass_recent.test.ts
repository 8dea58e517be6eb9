import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

/* Most of what is recent is looked at together: it must pass just where the look at an account alone finds nothing. */

const books = useBooks(async () => {
  for (let n = 1; n <= 3; n += 1) await books.create(move("bob", "alice", n));
  const held = await books.create(move("alice", "carol", 2), { status: "pending" });
  await books.create(move("cash", "bob", 5), { status: "pending" });
  await books.post(held);
  for (let n = 1; n <= 21; n += 1) await books.create(move("euro", "euro-cash", n));
});

const START = "'', '00000000-0000-0000-0000-000000000000'";

async function pass(max = 1000): Promise<number> {
  const [row] = await books.look(`select daybook_private.pass_recent(${START}, ${max}) as passed`);
  return row!["passed"] as number;
}

/** The accounts that were looked at, and how far. */
const reached = () =>
  books.look(
    `select a.address, (k.reached).id, (k.reached).lock_version::integer as version,
            (k.reached).pending_debits::integer, (k.reached).pending_credits::integer,
            (k.reached).posted_debits::integer, (k.reached).posted_credits::integer
       from daybook_private.account_checks k
       join daybook.accounts a on a.ledger = k.ledger and a.id = k.account_id
      where not k.is_full order by a.address`,
  );
const addresses = async () => (await reached()).map((row) => row["address"]);
const checkAlone = () =>
  books.look(`select daybook_private.check_next_piece(ledger, account_id, false, 5000)
                from daybook_private.account_counters where lock_version between 1 and 20`);

test("notes of many accounts what is noted of each alone, at first and again", async () => {
  expect(await pass()).toBe(4);
  for (const again of [false, true]) {
    if (again) {
      await books.create(move("bob", "alice", 8));
      await books.create(move("carol", "alice", 4));
      expect(await pass()).toBe(3);
    }
    const together = await reached();
    expect(together.map((row) => row["address"])).toEqual(["alice", "bob", "carol", "cash"]);
    await books.query("savepoint together");
    await books.look("delete from daybook_private.account_checks");
    await checkAlone();
    expect(await reached()).toEqual(together);
    await books.query("rollback to savepoint together");
  }
  expect(await pass()).toBe(0);
});

test("looks no further than it is told, and goes on behind an account", async () => {
  expect(await pass(0)).toBe(0);
  await pass(3); // in the order in which they were opened: alice, bob, carol
  expect(await addresses()).toEqual(["alice", "bob", "carol"]);
  const [carol] = await books.look("select id from daybook.accounts where address = 'carol'");
  await books.look("select daybook_private.pass_recent('main', $1, 1)", [carol!["id"]]);
  expect(await addresses()).toEqual(["alice", "bob", "carol", "cash"]);
});

const ALICE = "account_id = (select id from daybook.accounts where address = 'alice')";

test.each([
  ["a counter", `update daybook_private.account_counters set posted_credits = 7 where ${ALICE}`],
  ["a version", `update daybook_private.account_counters set lock_version = 6 where ${ALICE}`],
  ["an amount", `update daybook.entries set amount = 9 where ${ALICE} and lock_version = 2`],
  [
    "an entry's counter",
    `update daybook.entries set posted_credits = 9 where ${ALICE} and lock_version = 1`,
  ],
  [
    "an entry's counter, lost",
    `update daybook.entries set pending_debits = null where ${ALICE} and lock_version = 2`,
  ],
  ["an entry, lost", `delete from daybook.entries where ${ALICE} and lock_version = 3`],
  ["the last entry, lost", `delete from daybook.entries where ${ALICE} and lock_version = 5`],
  ["all entries, lost", `delete from daybook.entries where ${ALICE}`],
  [
    "an entry below the first",
    `update daybook.entries set lock_version = -1 where ${ALICE} and lock_version = 1`,
  ],
  [
    "an entry that is not queued",
    `update daybook.entries set lock_version = null where ${ALICE} and lock_version = 5`,
  ],
  [
    "a queued entry that there is not",
    `insert into daybook_private.entry_queue (ledger, account_id, entry_id, pending_debits, pending_credits, posted_debits, posted_credits)
     select ledger, account_id, uuidv7(), 0, 1, 0, 1 from daybook.entries where ${ALICE} limit 1`,
  ],
  [
    "a drift that is known",
    `update daybook_private.account_counters set drifted_at = now() where ${ALICE}`,
  ],
])("does not let pass %s", async (_, sql) => {
  await books.look(
    `set local session_replication_role = replica; ${sql}; set local session_replication_role = origin`,
  );
  expect(await pass()).toBe(3);
  expect(await addresses()).toEqual(["bob", "carol", "cash"]);
});
