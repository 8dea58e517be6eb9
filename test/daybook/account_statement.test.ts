import { describe, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const day = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString();
const statement = (args: object = {}) =>
  books.query(
    `select s.*, to_jsonb(s.entries) as entries
       from daybook.account_statement(${Object.keys({ ledger: 0, account: 0, ...args })
         .map((key, n) => `${key} => $${n + 1}`)
         .join(", ")}) s`,
    Object.values({ ledger: "main", account: "alice", ...args }),
  );
const one = async (args: object = {}) => (await statement(args))[0]!;
const figures = ({ opening_balance, debits, credits, closing_balance }: Row) =>
  [opening_balance, debits, credits, closing_balance].map(Number);
const lines = ({ entries }: Row) =>
  (entries as Row[]).map(({ amount, direction, balance }) => [
    direction === "credit" ? amount : -amount,
    balance,
  ]);
/** Alice gets so much on a day. */
const get = (amount: number, n: number, args: object = {}) =>
  books.create(move("bank", "alice", amount), { effective_at: day(n), ...args });
const pay = (amount: number, n: number, args: object = {}) =>
  books.create(move("alice", "bank", amount), { effective_at: day(n), ...args });

/** All pages of a statement. */
async function pages(args: object, first: number): Promise<Row[]> {
  const all = [await one({ ...args, first })];
  while (all.at(-1)!["next_page"]) {
    all.push(await one({ ...args, first, after: all.at(-1)!["next_page"] }));
  }
  return all;
}

describe("what it shows", () => {
  test("posted entries in effective order with the balance after each, whatever came first", async () => {
    await get(100, 5, { description: "wages", external_id: "w1" });
    await pay(30, 3);
    await get(50, 1);
    const shown = await one();
    expect(figures(shown)).toEqual([0, 30, 150, 120]);
    expect(lines(shown)).toEqual([
      [50, 50],
      [-30, 20],
      [100, 120],
    ]);
    expect(shown).toMatchObject({
      account: "alice",
      currency: "USD",
      currency_exponent: 2,
      normal_balance: "credit",
      starts_at: null,
      ends_at: null,
      next_page: null,
    });
    expect(shown["entries"][2]).toMatchObject({
      ledger: "main",
      description: "wages",
      external_id: "w1",
      position: 2,
      metadata: {},
    });
  });

  test("from starts_at on and before ends_at, with the balances before both", async () => {
    for (let n = 1; n <= 5; n++) await get(10 ** n, n);
    const shown = await one({ starts_at: day(2), ends_at: day(4) });
    expect(figures(shown)).toEqual([10, 0, 1100, 1110]);
    expect(lines(shown)).toEqual([
      [100, 110],
      [1000, 1110],
    ]);
    expect(shown).toMatchObject({ starts_at: new Date(day(2)), ends_at: new Date(day(4)) });
  });

  test("an empty span has its balances too", async () => {
    await get(10, 1);
    for (const span of [
      { starts_at: day(2), ends_at: day(3) },
      { starts_at: day(2), ends_at: day(2) },
    ]) {
      const shown = await one(span);
      expect(figures(shown)).toEqual([10, 0, 0, 10]);
      expect(shown["entries"]).toEqual([]);
    }
    expect(figures(await one({ account: "carol" }))).toEqual([0, 0, 0, 0]);
  });

  test("of a debit-normal account the balance rises with debits", async () => {
    await get(10, 1);
    await pay(3, 2);
    const shown = await one({ account: "bank" });
    expect(figures(shown)).toEqual([0, 10, 3, 7]);
    expect((shown["entries"] as Row[]).map((entry) => entry["balance"])).toEqual([10, 7]);
  });

  test("pending entries when they are posted, at their effective time; archived ones never", async () => {
    const held = await get(5, 1, { status: "pending" });
    const moved = await get(7, 1, { status: "pending" });
    await books.archive(await get(9, 1, { status: "pending" }));
    const part = await get(20, 1, { status: "pending" });
    await get(1, 2);
    expect(lines(await one())).toEqual([[1, 1]]);
    await books.post(held);
    await books.post(moved, { effective_at: day(3) });
    await books.postPart(part, move("bank", "alice", 8), { effective_at: day(4) });
    expect(lines(await one())).toEqual([
      [5, 5],
      [1, 6],
      [7, 13],
      [8, 21],
    ]);
    expect(figures(await one())).toEqual([0, 0, 21, 21]);
  });

  test("entries at one time stand in the order of their ids", async () => {
    for (let n = 1; n <= 5; n++) await get(n, 1);
    expect(lines(await one()).map(([amount]) => amount)).toEqual([1, 2, 3, 4, 5]);
  });

  test("the first and the last of all times are times like others", async () => {
    const min = "4714-11-24 00:00:00+00 BC";
    await books.create(move("bank", "alice", 1), { effective_at: min });
    await books.create(move("bank", "alice", 2), {
      effective_at: "294276-12-31 23:59:59.999999+00",
    });
    const all = await one({ starts_at: min });
    expect(figures(all)).toEqual([0, 0, 3, 3]);
    const allPages = await pages({ starts_at: min }, 1);
    expect(allPages.flatMap(lines)).toEqual(lines(all));
    expect(figures(await one({ starts_at: min, ends_at: min }))).toEqual([0, 0, 0, 0]);
    expect(figures(await one({ ends_at: "294276-12-31 23:59:59.999999+00" }))).toEqual([
      0, 0, 1, 1,
    ]);
  });
});

describe("pages", () => {
  test("hold first entries each, go on where the last one ended, and carry the same balances", async () => {
    for (let n = 1; n <= 7; n++) await get(n, 8 - n);
    const whole = await one({ starts_at: day(2) });
    for (const first of [1, 2, 3, 5, 6, 7]) {
      const all = await pages({ starts_at: day(2) }, first);
      expect(all).toHaveLength(Math.ceil(6 / first));
      expect(all.flatMap((page) => page["entries"])).toEqual(whole["entries"]);
      for (const page of all) expect(figures(page)).toEqual(figures(whole));
    }
  });

  test("what is recorded after the first page is in no later one", async () => {
    for (let n = 1; n <= 6; n++) await get(1, n);
    const first = await one({ first: 2 });
    await get(100, 1);
    await get(100, 4);
    await books.post(await pay(50, 5, { status: "pending" }));
    const second = await one({ first: 100, after: first["next_page"] });
    expect(lines(second)).toEqual([
      [1, 3],
      [1, 4],
      [1, 5],
      [1, 6],
    ]);
    expect(figures(second)).toEqual([0, 0, 6, 6]);
    expect(figures(await one())).toEqual([0, 50, 206, 156]);
  });

  test("100 entries if nothing is said", async () => {
    await books.all("create_transactions", {
      transactions: Array.from({ length: 101 }, () => ({ entries: move("bank", "alice", 1) })),
    });
    const shown = await one();
    expect(shown["entries"]).toHaveLength(100);
    expect((await one({ after: shown["next_page"] }))["entries"]).toHaveLength(1);
  });
});

describe("an account whose counters have drifted", () => {
  test("is shown as its entries say, page by page", async () => {
    for (let n = 1; n <= 4; n++) await get(10, n);
    await books.look(
      `update daybook_private.account_counters
          set posted_credits = 7, lock_version = 2, drifted_at = now() where address = 'alice'`,
    );
    for (let n = 2; n <= 4; n++) await get(1, n);
    const whole = await one({ starts_at: day(2) });
    expect(figures(whole)).toEqual([10, 0, 33, 43]);
    expect((await pages({ starts_at: day(2) }, 2)).flatMap(lines)).toEqual(lines(whole));
  });
});

const refused = async (args: object) => books.refused(() => statement(args));
const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");

describe("errors", () => {
  test.each<[string, object, string]>([
    ["no such account", { account: "nobody" }, "LDACC"],
    ["a malformed address", { account: "a b" }, "LDARG"],
    ["no page", { first: 0 }, "LDARG"],
    ["a page too long", { first: 1001 }, "LDARG"],
    ["an infinite start", { starts_at: "-infinity" }, "LDARG"],
    ["an infinite end", { ends_at: "infinity" }, "LDARG"],
    ["an end before the start", { starts_at: day(2), ends_at: day(1) }, "LDARG"],
    ["another ledger", { ledger: "none" }, "42501"],
  ])("%s", async (_, args, code) => {
    expect(await refused(args)).toMatchObject({ code });
  });

  test("LDLED for whoever may use every ledger", async () => {
    await books.be("test_admin");
    expect(await refused({ ledger: "none" })).toMatchObject({ code: "LDLED" });
  });

  test("what is no cursor, or one of another statement", async () => {
    for (let n = 1; n <= 3; n++) await get(1, n);
    const after = (await one({ first: 1 }))["next_page"] as string;
    // As text: its largest number is none of JavaScript's.
    const [facts] = after.split(".") as [string];
    const text = Buffer.from(facts, "base64").toString();
    const edited = (change: object) => {
      const [[key, value]] = Object.entries(change) as [[string, unknown]];
      const field = new RegExp(`"${key}": ("[^"]*"|\\[[^\\]]*\\]|[^,}]*)`);
      expect(text).toMatch(field);
      const edit = text.replace(field, `"${key}": ${JSON.stringify(value)}`);
      return `${Buffer.from(edit).toString("base64")}.`;
    };
    const LDARG = { code: "LDARG", detail: { argument: "after" } };
    for (const wrong of [
      "",
      "x",
      "====",
      "\u00e9",
      json(null),
      json([]),
      json({}),
      json("x"),
      Buffer.from("[".repeat(100_000)).toString("base64"),
      Buffer.from([0xff, 0xfe]).toString("base64"),
      edited({ entry_id: "x" }),
      edited({ effective_at: "never" }),
      `${facts}.x`,
      `${facts}.AAAA`,
      edited({ balance: {} }),
      edited({ lock_version: 1e30 }),
      edited({ statement: 1 }),
    ]) {
      expect(await refused({ after: wrong })).toMatchObject(LDARG);
    }
    expect(await refused({ after, account: "bank" })).toMatchObject(LDARG);
    expect(await refused({ after, starts_at: day(1) })).toMatchObject(LDARG);
    expect(await refused({ after, ends_at: day(9) })).toMatchObject(LDARG);
    expect((await one({ after: `${facts}.` }))["entries"]).toHaveLength(2);
  });
});
