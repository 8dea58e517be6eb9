import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger } from "../support/ledgers.ts";

/* Functions are compiled in their caller's session. Here that reads a backslash in a plain literal as an escape. */

let database: TestDatabase;
let ledger: string;
let odd: Client;
let usual: Client;
const notices: string[] = [];

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger(database, { alice: {}, bob: {} });
  [odd, usual] = [await database.connectAs("test_writer"), await database.connectAs("test_writer")];
  odd.on("notice", ({ message }) => notices.push(message ?? ""));
  await odd.query("set standard_conforming_strings to off");
});
afterAll(() => database?.drop());

const ENTRIES = `array[row('alice', 'debit', 5, null, null, null, null, null, null)::daybook.entry_input,
                       row('bob', 'credit', 5, null, null, null, null, null, null)::daybook.entry_input]`;

test("a request is the same request", async () => {
  const call = {
    text: `select replayed from daybook.create_transaction($1, ${ENTRIES}, idempotency_key => 'k',
             metadata => '{"rate": 100.50, "all": [10.0, 1.250]}')`,
    values: [ledger],
  };
  expect((await odd.query(call)).rows).toEqual([{ replayed: false }]);
  expect((await usual.query(call)).rows).toEqual([{ replayed: true }]);
});

test.each(["key", "with\u0001control", "with\u009fcontrol"])(
  "texts are as clean as they are: %j",
  async (key) => {
    const call = {
      text: `select array_agg(receipt_id) from daybook.enqueue_transactions($1, array[
             row(${ENTRIES}, null, null, $2, null, null, null, null, null, null)::daybook.transaction_input])`,
      values: [ledger, key],
    };
    const [first, again] = await Promise.all(
      [odd, usual].map((session) =>
        session.query(call).then(
          ({ rows }) => rows,
          ({ code }) => code,
        ),
      ),
    );
    expect(first).toEqual(again);
    if (key !== "key") expect(first).toBe("LDARG");
  },
);

test("months are found", async () => {
  const { rows } = await odd.query("select months > 0 as found from daybook.partition_health");
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ found: true })));
});

test("PostgreSQL has nothing to warn of", () => {
  expect(notices).toEqual([]);
});
