import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import { copyFrom } from "../support/copy.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { balanceOf, openLedger } from "../support/ledgers.ts";
import { asRefusal, drainAs, move } from "../support/use-books.ts";

let database: TestDatabase;
let ledger: string;
let stream: Client;

beforeAll(async () => {
  database = await createDatabase();
  await database.pool.query("grant insert on daybook.transaction_intake to test_writer");
  stream = await database.connectAs("test_writer");
});
afterAll(() => database?.drop());
beforeEach(async () => {
  ledger = await openLedger(database, { alice: {} });
});

type Fields = { idempotency_key?: string } & Record<string, unknown>;
const request = (fields: Fields = {}): Fields => ({
  entries: move("world", "alice", 5),
  idempotency_key: randomUUID(),
  ...fields,
});

/** Rows in COPY's text format. */
const rows = (requests: unknown[], to = ledger) =>
  requests.map((each) => `${to}\t${JSON.stringify(each).replaceAll("\\", "\\\\")}\n`).join("");
const copy = (text: string) =>
  copyFrom(stream, "copy daybook.transaction_intake (ledger, transaction) from stdin", text);
const refusal = (text: string) =>
  copy(text).then(
    () => Promise.reject(new Error("was not refused")),
    (error) => asRefusal(error),
  );
const drain = async () =>
  drainAs(async (sql, values) => (await database.pool.query(sql, values)).rows, ledger);

async function waiting(): Promise<number> {
  const { rows: found } = await database.pool.query(
    "select depth::integer from daybook.transaction_queue where ledger = $1",
    [ledger],
  );
  return found[0].depth;
}

test("COPY streams into the queue, in order", async () => {
  const requests = Array.from({ length: 500 }, (_, n) =>
    request({ description: `${n} \\ "`, metadata: { n } }),
  );
  await copy(rows(requests));
  expect(await waiting()).toBe(500);
  expect(await drain()).toBe(500);
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 2500 });
  const { rows: made } = await database.pool.query(
    "select description, metadata from daybook.transactions where ledger = $1 order by id",
    [ledger],
  );
  expect(made).toEqual(requests.map(({ description, metadata }) => ({ description, metadata })));
});

test("the same rows again change nothing", async () => {
  const text = rows([request(), request()]);
  await copy(text);
  await copy(text);
  expect(await waiting()).toBe(2);
  await drain();
  await copy(text);
  expect(await waiting()).toBe(0);
});

test("every field of a transaction is understood", async () => {
  const bounds = { gt: -1, gte: 0, eq: null, not_eq: -2, lte: 1000, lt: "1001" };
  const entries = [
    { account: "world", direction: "debit", amount: "5", lock_version: null, metadata: { a: 1 } },
    {
      account: "alice",
      direction: "credit",
      amount: 5,
      available_balance: bounds,
      show_resulting_balances: true,
    },
  ];
  const full = request({
    entries,
    status: "pending",
    effective_at: "2026-01-01T00:00:00Z",
    external_id: "x",
    description: "d",
    metadata: {},
    category_locks: null,
    archive_on_lock_failure: false,
    expires_at: "2100-01-01T00:00:00Z",
  });
  await copy(rows([full]));
  await drain();
  const { rows: made } = await database.pool.query(
    "select status, external_id from daybook.transactions where ledger = $1",
    [ledger],
  );
  expect(made).toEqual([{ status: "pending", external_id: "x" }]);
});

describe("one wrong row refuses all of the stream", () => {
  const [debit, credit] = move("world", "alice", 5);
  test.each<[string, () => unknown, string, object?]>([
    [
      "an unknown field",
      () => request({ effectiv_at: "2026-01-01" }),
      "LDARG",
      { value: "effectiv_at" },
    ],
    [
      "of an entry",
      () => request({ entries: [{ ...debit, acount: "x" }, credit] }),
      "LDARG",
      { value: "entries.acount" },
    ],
    [
      "of a bound",
      () => request({ entries: [{ ...debit, posted_balance: { gte: 0, min: 0 } }, credit] }),
      "LDARG",
      { value: "entries.posted_balance.min" },
    ],
    ["an array", () => [request()], "LDARG"],
    ["null", () => null, "LDARG"],
    ["entries that are no array", () => request({ entries: debit }), "LDARG"],
    ["an entry that is no object", () => request({ entries: [1, 2] }), "LDARG"],
    [
      "bounds that are no object",
      () => request({ entries: [{ ...debit, posted_balance: 5 }, credit] }),
      "LDARG",
    ],
    [
      "a direction that is none",
      () => request({ entries: [{ ...debit, direction: "left" }, credit] }),
      "LDARG",
    ],
    [
      "an amount that is no number",
      () => request({ entries: [{ ...debit, amount: "five" }, credit] }),
      "LDARG",
    ],
    ["a time that is none", () => request({ effective_at: "tomorrowish" }), "LDARG"],
    [
      "no key",
      () => request({ idempotency_key: undefined as never }),
      "LDARG",
      { argument: "idempotency_key" },
    ],
  ])("%s", async (_, wrong, code, detail = {}) => {
    expect(await refusal(rows([request(), wrong()]))).toMatchObject({ code, detail });
    expect(await waiting()).toBe(0);
  });

  test("a known key with another request", async () => {
    const first = request();
    await copy(rows([first]));
    const other = { ...first, description: "other" };
    expect(await refusal(rows([request(), other]))).toMatchObject({ code: "LDIDM" });
    expect(await waiting()).toBe(1);
  });

  test("a ledger that is not granted", async () => {
    expect(await refusal(rows([request()], "none"))).toMatchObject({ code: "42501" });
  });
});

test("who has no INSERT on it may not stream, and nobody can read", async () => {
  const admin = await database.connectAs("test_admin");
  const text = rows([request()]);
  await expect(
    copyFrom(admin, "copy daybook.transaction_intake from stdin", text),
  ).rejects.toMatchObject({ code: "42501" });
  await expect(stream.query("select * from daybook.transaction_intake")).rejects.toMatchObject({
    code: "42501",
  });
  for (const change of [
    "delete from daybook.transaction_intake",
    "update daybook.transaction_intake set ledger = 'x'",
  ])
    await expect(stream.query(change)).rejects.toMatchObject({ code: "55000" });
});
