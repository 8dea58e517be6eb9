import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createDatabase, type TestDatabase } from "../support/database.ts";

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
