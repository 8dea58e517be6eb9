import { expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks(async () => {
  await books.create(move("bob", "alice", 100), { idempotency_key: "k" });
});

async function verify(): Promise<Row[]> {
  await books.be("test_auditor");
  const rows = await books.all("verify_totals", {});
  await books.be("test_writer");
  return rows;
}
const grant = async () => {
  await books.be("test_admin");
  await books.call("grant_ledger_access", { role: "test_auditor", access: "read" });
};

test("an auditor finds nothing wrong with sound books", async () => {
  await grant();
  expect(await verify()).toEqual([]);
});

test("debits and credits that differ, as counters and as entries of a drifted account", async () => {
  await grant();
  await books.look(
    "update daybook_private.account_counters set posted_debits = 101 where address = 'bob'",
  );
  const facts = { posted_debits: "101", posted_credits: "100" };
  expect(await verify()).toMatchObject([
    { violation: "debits and credits of a currency differ", subject: "USD", facts },
  ]);
  const [found] = await books.look("select * from daybook_private.check_totals()");
  expect(found).toEqual({ ledger: "main", news: [expect.objectContaining({ subject: "USD" })] });
  await books.look(
    "select daybook_private.mark_drifted(ledger, id, '{}') from daybook.accounts where address = 'bob'",
  );
  expect(await verify()).toEqual([]);
});

test("what the worker found stays known for as long as it is so, whatever its daily pass forgets", async () => {
  const known = async () =>
    (await books.look("select violation from daybook_private.findings order by 1")).map(
      (row) => row["violation"],
    );
  const differ = "debits and credits of a currency differ";
  const compare = () => books.look("select * from daybook_private.check_totals()");
  await books.look(
    `update daybook_private.account_counters set posted_debits = 101 where address = 'bob';
     insert into daybook_private.findings values ('main', 'seen by an earlier pass', 'x', '{}', now(), now())`,
  );
  await compare();
  await compare();
  expect(await known()).toEqual([differ, "seen by an earlier pass"]);
  await books.look("select daybook_private.check_transactions('', 60000)");
  expect(await known()).toEqual([differ]);
  await books.look(
    "update daybook_private.account_counters set posted_debits = 100 where address = 'bob'",
  );
  await compare();
  expect(await known()).toEqual([]);
});

test("the worker looks at one ledger after the other", async () => {
  await books.be("test_admin");
  for (const ledger of ["Zoo", "a", "z"]) await books.call("create_ledger", { ledger });
  const seen = [];
  for (let ledger = ""; ledger !== null;) {
    const [row] = await books.look("select * from daybook_private.check_totals($1)", [ledger]);
    seen.push(row);
    ledger = row!["ledger"];
  }
  const all = ["Zoo", "a", "main", "z"].map((ledger) => ({ ledger, news: [] }));
  expect(seen).toEqual([...all, { ledger: null, news: null }]);
});

test("queued entries are counted", async () => {
  await grant();
  await books.look(
    "update daybook_private.account_counters set drifted_at = now() where address = 'alice'",
  );
  await books.create(move("bob", "alice", 3));
  await books.look("update daybook_private.account_counters set drifted_at = null");
  expect(await verify()).toEqual([]);
});

test.each([
  [
    "an external id of nothing",
    "insert into daybook_private.external_ids values ('main', 'E', uuidv7())",
    "external id of no transaction",
  ],
  [
    "an expiry of nothing",
    "insert into daybook_private.expiring_holds select 'main', id, now(), uuidv7() from daybook.accounts limit 1",
    "expiring hold of no pending transaction",
  ],
  [
    "a key of nothing",
    "update daybook_private.idempotency_keys set transaction_id = uuidv7()",
    "idempotency key of nothing",
  ],
  [
    "a limit that does not bind",
    "update daybook_private.account_counters set balance_min = 0 where address = 'bob'",
    "facts of an account differ",
  ],
])("%s is found and named", async (_, sql, violation) => {
  await grant();
  await books.look(sql);
  expect(await verify()).toMatchObject([{ ledger: "main", violation }]);
});

test("refuses whoever may not read the ledger, and a ledger that is not there", async () => {
  await books.be("test_auditor");
  expect(await books.refusal("verify_totals", {})).toMatchObject({ code: "42501" });
  await books.be("test_admin");
  expect(await books.refusal("verify_totals", { ledger: "none" })).toMatchObject({ code: "LDLED" });
});
