import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { openLedger, transfer } from "../support/ledgers.ts";

/* A record's text is what was hashed when it was sealed. If this fails, every log that was ever sealed does. */

const GOLDEN = readFileSync(join(import.meta.dirname, "golden.ndjson"), "utf8");
let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

test("records have the text that they had when they were written", async () => {
  expect(createHash("sha256").update(GOLDEN).digest("hex")).toBe(
    "5dfe75af0f8923c01e51db66550a8bcb02403bc5204a5d3ff6ccbbdff53a88d2",
  );
  const lines = GOLDEN.trimEnd().split("\n");
  const client = await database.connect();
  for (const line of lines) await client.query("select daybook_private.replay_record($1)", [line]);
  // However the session writes times.
  await client.query(
    "set timezone = 'Asia/Kathmandu'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601'",
  );
  for (const line of lines) {
    const { ledger, id } = JSON.parse(line) as { ledger: string; id: string };
    const { rows } = await client.query(
      "select body from daybook_private.log_texts($1, array[$2::uuid])",
      [ledger, id],
    );
    expect(rows).toEqual([{ body: line }]);
  }
});

test("of a transaction made posted, entries with times of their own show them", async () => {
  const ledger = await openLedger(database, { alice: {} });
  const { rows } = await database.pool.query(transfer(ledger, "world", "alice", 1));
  const text = async () => {
    const found = await database.pool.query(
      "select body from daybook_private.log_texts($1, array[$2::uuid])",
      [ledger, rows[0].transaction_id],
    );
    return found.rows[0].body as string;
  };
  const before = await text();
  expect(before.match(/"effect":"posted"\}/g)).toHaveLength(2);
  const superuser = await database.connect();
  await superuser.query("set session_replication_role = replica");
  const [first, second, third] = before.split('"effect":"posted"}');
  const plain = '"effect":"posted"}';
  for (const column of ["effective_at", "created_at"]) {
    for (const time of ["2016-01-02 03:04:05.6+00", "2036-01-02 03:04:05.6+00"]) {
      await superuser.query(
        `update daybook.entries set ${column} = $2 where ledger = $1 and position = 2`,
        [ledger, time],
      );
      const own = `"effect":"posted","${column}":"${time}"}`;
      expect(await text()).toBe(`${first}${plain}${second}${own}${third}`);
      await superuser.query(
        `update daybook.entries e set ${column} = t.${column}
           from daybook.transactions t where e.ledger = $1 and t.ledger = $1 and t.id = e.transaction_id`,
        [ledger],
      );
    }
  }
  expect(await text()).toBe(before);
  await superuser.query("delete from daybook.entries where ledger = $1", [ledger]);
  expect(await text()).toBe(before.replace(/,"entries":\[.*\]/, ""));
});
