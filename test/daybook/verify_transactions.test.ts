import { describe, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

/** A posted, a pending, a partly posted, an archived, a declined, a reversed one and its reversal. */
const made: Record<string, string> = {};
const books = useBooks(async () => {
  const make = async (name: string, row: Promise<Row>) => {
    const result = await row;
    made[name] = result["transaction_id"] as string;
    return result;
  };
  await make("posted", books.create(move("bob", "alice", 100), { external_id: "E1" }));
  const expires_at = new Date(Date.now() + 3_600_000);
  await make("pending", books.create(move("alice", "bob", 9), { status: "pending", expires_at }));
  const partly = await make(
    "partly",
    books.create(move("alice", "carol", 8), { status: "pending" }),
  );
  await make("part", books.postPart(partly, move("alice", "carol", 3)));
  const archived = await make(
    "archived",
    books.create(move("alice", "bob", 7), { status: "pending" }),
  );
  await books.archive(archived);
  const settled = await make(
    "settled",
    books.create(move("bob", "carol", 6), { status: "pending" }),
  );
  await books.post(settled);
  await make(
    "declined",
    books.create(move("carol", "bob", 1_000, { available_balance: { gte: 0 } }), {
      archive_on_lock_failure: true,
    }),
  );
  const reversed = await make("reversed", books.create(move("bob", "alice", 5)));
  await make(
    "reversal",
    books.call("reverse_transaction", { transaction_id: reversed["transaction_id"] }),
  );
});

async function corrupt(sql: string): Promise<void> {
  await books.look(`
    set local session_replication_role = replica;
    ${sql.replaceAll(/<(\w+)>/g, (_, name: string) => `'${made[name]}'`)};
    set local session_replication_role = origin`);
}

async function verify(args: object = {}): Promise<Row[]> {
  await books.be("test_admin");
  const rows = await books.all("verify_transactions", args);
  await books.be("test_writer");
  return rows;
}

test("nothing is wrong with what the ledger's functions make", async () => {
  expect(await verify()).toEqual([]);
});

const STATUS = "entries do not tell the status of their transaction";
const TIMES = "times do not tell the status of their transaction";
const LIFE = "log does not tell the life of a transaction";
const UNBALANCED = "transaction out of balance";
const LEFT = "what is left of a hold is not what is pending";
const PART = "part of a hold differs from what it took from it";

test.each<[string, string, string, string[]]>([
  [
    "an amount",
    "update daybook.entries set amount = 99 where transaction_id = <posted> and position = 1",
    "posted",
    [UNBALANCED, "current entries out of balance"],
  ],
  [
    "a direction",
    "update daybook.entries set direction = 'credit' where transaction_id = <posted>",
    "posted",
    [UNBALANCED],
  ],
  [
    "an entry, deleted",
    "delete from daybook.entries where transaction_id = <posted> and position = 1",
    "posted",
    [UNBALANCED, STATUS],
  ],
  [
    "all entries, deleted",
    "delete from daybook.entries where transaction_id = <posted>",
    "posted",
    [STATUS],
  ],
  [
    "a status: pending to posted",
    "update daybook.transactions set status = 'posted' where id = <pending>",
    "pending",
    [STATUS, TIMES],
  ],
  [
    "a status: posted to archived",
    "update daybook.transactions set status = 'archived' where id = <posted>",
    "posted",
    [STATUS, TIMES],
  ],
  [
    "a status: archived to pending",
    "update daybook.transactions set status = 'pending' where id = <archived>",
    "archived",
    [TIMES, "pending transaction that holds nothing"],
  ],
  [
    "a decline to pending",
    "update daybook.transactions set status = 'pending' where id = <declined>",
    "declined",
    [STATUS, TIMES],
  ],
  [
    "an effective time",
    "update daybook.transactions set effective_at = now() + '1 day' where id = <posted>",
    "posted",
    [STATUS],
  ],
  [
    "a version",
    "update daybook.transactions set version = 3 where id = <settled>",
    "settled",
    [STATUS, LIFE],
  ],
  [
    "when it was posted",
    "update daybook.transactions set posted_at = null where id = <settled>",
    "settled",
    [TIMES],
  ],
  [
    "a record of the log, deleted",
    "delete from daybook_private.log_events where transaction_id = <archived> and kind = 'archive_transaction'",
    "archived",
    [LIFE],
  ],
  [
    "a release, deleted",
    "delete from daybook.entries where transaction_id = <archived> and effect = 'released'",
    "archived",
    [STATUS, LEFT],
  ],
  [
    "what was released",
    "update daybook.entries set amount = 6 where transaction_id = <archived> and effect = 'released'",
    "archived",
    [LEFT],
  ],
  [
    "what a part took",
    "update daybook.entries set amount = 2 where transaction_id = <part>",
    "part",
    [PART],
  ],
  [
    "the link of a part",
    "update daybook.transactions set partially_posts_transaction_id = null where id = <part>",
    "part",
    ["part of a hold without the other side of its link"],
  ],
  [
    "the link of a reversal",
    "update daybook.transactions set reversed_by_transaction_id = null where id = <reversed>",
    "reversal",
    ["reversal without the other side of its link"],
  ],
  [
    "an external id",
    "delete from daybook_private.external_ids where external_id = 'E1'",
    "posted",
    ["external id is not noted"],
  ],
  [
    "a note of an expiry",
    "delete from daybook_private.expiring_holds",
    "pending",
    ["expiring hold is not noted"],
  ],
])("corrupting %s is found and named", async (_, sql, name, expected) => {
  await corrupt(sql);
  const found = await verify();
  const told = found.filter(({ subject }) => subject === made[name]).map((row) => row["violation"]);
  expect(told).toEqual(expect.arrayContaining(expected));
  // The daily pass finds the same, says it once, and keeps it until it is put right.
  const pass = async () =>
    (await books.look("select news from daybook_private.check_transactions('', 60000)"))[0]![
      "news"
    ] as Row[];
  expect(await pass()).toEqual(
    expect.arrayContaining(
      found.map((row) => expect.objectContaining({ violation: row["violation"] })),
    ),
  );
  expect(await pass()).toEqual([]);
  const health = await books.query("select violations from daybook.balance_health");
  expect(Number(health[0]!["violations"])).toBeGreaterThan(0);
});

test("an entry whose transaction was deleted, and one in another currency", async () => {
  await corrupt("delete from daybook.transactions where id = <posted>");
  await corrupt("update daybook.entries set currency = 'EUR' where transaction_id = <reversed>");
  const found = (await verify()).map((row) => row["violation"]);
  expect(found).toContain("entry without its transaction");
  expect(found).toContain("entry in another currency than its account");
});

const subjects = async (args: object) => (await verify(args)).map((row) => row["subject"]);

test("a range of ids: above one, up to another", async () => {
  await corrupt(
    "update daybook.transactions set posted_at = null where id in (<posted>, <settled>, <reversed>)",
  );
  expect(await subjects({})).toEqual([made["posted"], made["settled"], made["reversed"]]);
  expect(await subjects({ after: made["posted"], until: made["settled"] })).toEqual([
    made["settled"],
  ]);
});

test("what is right again is forgotten by the next pass", async () => {
  const pass = () => books.look("select daybook_private.check_transactions('', 60000)");
  await corrupt("update daybook.transactions set posted_at = null where id = <posted>");
  await pass();
  await corrupt("update daybook.transactions set posted_at = created_at where id = <posted>");
  await books.look(
    "update daybook_private.ledger_checks set finished_at = finished_at - interval '1 day', started_at = started_at - interval '1 day'",
  );
  await pass();
  expect(await books.query("select violations from daybook.balance_health")).toEqual([
    { violations: "0" },
  ]);
});

const ruin = () => corrupt("update daybook.transactions set posted_at = null where id = <posted>");

/** A part of the daily pass. */
const look = async (milliseconds = 60000) =>
  (
    await books.look("select news from daybook_private.check_transactions('', $1)", [milliseconds])
  )[0]!["news"] as Row[];
const shift = (columns: string[], by: string, table = "ledger_checks") =>
  books.look(
    `update daybook_private.${table} set ${columns.map((column) => `${column} = ${column} + interval '${by}'`).join(", ")}`,
  );
const violationCount = async () =>
  (await books.look("select violations::integer as n from daybook.balance_health"))[0]!["n"];

describe("after the server's clock was ahead", () => {
  test("the next pass does not wait until then", async () => {
    await look();
    await shift(["started_at", "finished_at"], "1 year");
    await ruin();
    await look(0);
    const begun = await books.look("select * from daybook_private.ledger_checks");
    expect(begun).toMatchObject([{ finished_at: null }]);
    await look(0);
    expect(await books.look("select * from daybook_private.ledger_checks")).toEqual(begun);
    expect(await look()).toContainEqual(expect.objectContaining({ subject: made["posted"] }));
    const n = await violationCount();
    expect(n).toBeGreaterThan(0);
    expect(await look()).toEqual([]);
    expect(await violationCount()).toBe(n);
  });

  test("a pass that began then begins anew, and forgets nothing that is so", async () => {
    await ruin();
    expect(await look()).not.toEqual([]);
    const n = await violationCount();
    await shift(["finished_at"], "-1 day");
    await shift(["started_at"], "1 year");
    for (const _ of ["this pass", "not due any more"]) expect(await look()).toEqual([]);
    expect(await violationCount()).toBe(n);
    expect(
      await books.look(
        "select finished_at > started_at as ended from daybook_private.ledger_checks",
      ),
    ).toEqual([{ ended: true }]);
  });

  test("what was seen then is forgotten when it is right again", async () => {
    await ruin();
    await look();
    await shift(["last_seen_at"], "1 year", "findings");
    await corrupt("update daybook.transactions set posted_at = created_at where id = <posted>");
    for (const _ of ["one day", "the next"]) {
      await shift(["started_at", "finished_at"], "-1 day");
      await shift(["last_seen_at"], "-1 day", "findings");
      await look();
    }
    expect(await violationCount()).toBe(0);
  });
});

test("refuses whoever may not read the ledger, and a ledger that is not there", async () => {
  await books.be("test_auditor");
  expect(await books.refusal("verify_transactions", {})).toMatchObject({ code: "42501" });
  await books.be("test_admin");
  expect(await books.refusal("verify_transactions", { ledger: "none" })).toMatchObject({
    code: "LDLED",
  });
  await books.be("test_writer");
  expect(await books.refusal("verify_transactions", {})).toMatchObject({ code: "42501" });
});
