import { expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks(async () => {
  await books.create(move("bob", "alice", 100));
});
const verify = async (accounts: string[], args: object = {}) => {
  await books.be("test_admin");
  const rows = await books.all("verify_accounts", { accounts, ...args });
  await books.be("test_writer");
  return rows;
};

test("nothing is wrong with sound accounts", async () => {
  expect(await verify(["alice", "bob", "carol"])).toEqual([]);
});

test("what is wrong is told with figures, by account", async () => {
  await books.look(
    "update daybook_private.account_counters set posted_debits = 101 where address = 'bob'",
  );
  const violation = "the counters of an account are not the sum of its entries";
  expect(await verify(["alice", "bob"])).toMatchObject([
    {
      violation,
      ledger: "main",
      subject: "bob",
      facts: { counters: ["1", "100", "0", "101", "0"], expected: ["1", "100", "0", "100", "0"] },
    },
  ]);
  const drifted = await books.query(
    "select drifted_accounts, drifted_since from daybook.balance_health",
  );
  expect(drifted).toEqual([{ drifted_accounts: "0", drifted_since: null }]); // telling is not marking
});

test("a drift that is known is told as what was found", async () => {
  await books.look(
    `select daybook_private.mark_drifted(ledger, id, '{"violation": "a test"}') from daybook.accounts where address = 'bob'`,
  );
  expect(await verify(["bob"])).toMatchObject([
    { violation: "a test", facts: { known_since: expect.any(String) } },
  ]);
  expect(await books.query("select * from daybook.balance_health")).toMatchObject([
    { ledger: "main", drifted_accounts: "1", drifted_since: expect.any(Date), violations: "0" },
  ]);
});

test("health is shown to whoever may read the whole ledger", async () => {
  await books.be("test_reader");
  expect(await books.query("select * from daybook.balance_health")).toEqual([]);
});

test("refuses what is malformed, what is not there and whoever may not", async () => {
  const code = async (accounts: string[], args: object = {}) =>
    (await books.refused(() => verify(accounts, args))).code;
  expect(await code(["alice", "no body"])).toBe("LDARG");
  await books.be("test_writer");
  expect(await code(["nobody"])).toBe("LDACC");
  await books.be("test_writer");
  expect(await code(["alice"], { ledger: "none" })).toBe("LDLED");
  await books.be("test_auditor");
  expect(await books.refusal("verify_accounts", { accounts: ["alice"] })).toMatchObject({
    code: "42501",
  });
});
