import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

/* Accounts with more new entries than one look takes; what a look finds is in rebuild_balances.test.ts. */

const COUNT = 48;
const PIECE = 5;
const START = { ledger: "", account_id: "00000000-0000-0000-0000-000000000000" };

const books = useBooks(async () => {
  for (let n = 1; n <= COUNT; n += 1) await books.create(move("bob", "alice", n));
  await books.create(move("carol", "cash", 1));
});

type Round = { ledger: string; account_id: string; checks: number; drifted: object[] };

async function check(after: typeof START, isFull: boolean, milliseconds: number): Promise<Round> {
  const [round] = await books.look(
    "select * from daybook_private.check_accounts($1, $2, $3, $4, $5)",
    [after.ledger, after.account_id, isFull, milliseconds, PIECE],
  );
  return round as Round;
}
/** What only a broken machine does, to the very last entry of an account. */
const damage = () =>
  books.look(`
    set local session_replication_role = replica;
    update daybook.entries set posted_credits = posted_credits + 1
     where account_id = (select id from daybook.accounts where address = 'alice') and lock_version = ${COUNT};
    set local session_replication_role = origin`);
const FOUND = [
  {
    violation: "version or counters of an entry are not those of its place",
    facts: { lock_version: COUNT },
  },
];
const idOf = async (address: string) =>
  (await books.look("select id from daybook.accounts where address = $1", [address]))[0]!["id"];

test.each([
  ["recent", false],
  ["full", true],
])("a %s walk looks at an account to its end while there is time", async (_, isFull) => {
  await damage();
  const round = await check(START, isFull, 60_000);
  expect(round).toMatchObject({ account_id: null, drifted: FOUND });
});

test("when the time is up it goes on with the same account", async () => {
  await damage();
  const rounds: Round[] = [];
  let at = START;
  while (rounds.length < 100) {
    const round = await check(at, true, 0);
    rounds.push(round);
    if (round.account_id === null) break;
    at = round;
  }
  const alice = Math.ceil(COUNT / PIECE);
  expect(rounds.slice(0, alice).map(({ account_id, checks }) => [account_id, checks])).toEqual([
    ...Array.from({ length: alice - 1 }, () => [START.account_id, 1]),
    [await idOf("alice"), 1],
  ]);
  expect(rounds.flatMap(({ drifted }) => drifted)).toMatchObject(FOUND);
  expect(rounds.at(-1)!.account_id).toBeNull();
});

test("an account that somebody adds to meanwhile keeps no other waiting for good", async () => {
  let at = START;
  let written = 0;
  while (at.account_id !== (await idOf("carol")) && written < 50) {
    await books.create(move("bob", "alice", 1)); // fewer than a look takes
    written += 1;
    at = await check(at, false, 0);
  }
  expect(written).toBeLessThan(50);
});
