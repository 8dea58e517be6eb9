import { beforeEach, describe, expect, test } from "@jest/globals";
import { credit, debit, useBooks, type Entry } from "../support/use-books.ts";

const books = useBooks();

const limitTo = (args: object) => books.call("set_account_limits", { address: "limited", ...args });

/** The same story for both normal balances: inward raises the balance, outward lowers it. */
describe.each(["credit", "debit"] as const)("an account of normal balance %s", (normal) => {
  const inward = (amount: number): Entry[] =>
    normal === "credit"
      ? [credit("limited", amount), debit("bob", amount)]
      : [debit("limited", amount), credit("bob", amount)];
  const outward = (amount: number): Entry[] =>
    normal === "credit"
      ? [debit("limited", amount), credit("bob", amount)]
      : [credit("limited", amount), debit("bob", amount)];
  const pending = { status: "pending" };
  const tooLow = { code: "LDLIM", detail: { limit: "balance_min", account: "limited" } };
  const tooHigh = { code: "LDLIM", detail: { limit: "balance_max", account: "limited" } };

  beforeEach(() => books.open("limited", { normal_balance: normal }));

  test("may reach its limits and not pass them", async () => {
    await limitTo({ balance_min: -10, balance_max: 100 });
    await books.create(inward(100));
    expect(await books.createRefused(inward(1))).toMatchObject({
      ...tooHigh,
      detail: { balance_max: "100", actual: "101", index: 1 },
    });
    await books.create(outward(110));
    expect(await books.createRefused(outward(1))).toMatchObject({
      ...tooLow,
      detail: { balance_min: "-10", actual: "-11", index: 1 },
    });
  });

  test("pending outflows count towards the minimum, pending inflows do not help", async () => {
    await limitTo({ balance_min: 0 });
    await books.create(inward(100));
    await books.create(inward(50), pending);
    await books.create(outward(60), pending);
    expect(await books.createRefused(outward(41))).toMatchObject(tooLow);
    expect(await books.createRefused(outward(41), pending)).toMatchObject(tooLow);
    await books.create(outward(40), pending);
  });

  test("pending inflows count towards the maximum, pending outflows do not help", async () => {
    await limitTo({ balance_max: 100 });
    await books.create(inward(50));
    await books.create(outward(30), pending);
    await books.create(inward(50), pending);
    expect(await books.createRefused(inward(1))).toMatchObject(tooHigh);
    expect(await books.createRefused(inward(1), pending)).toMatchObject(tooHigh);
    await books.create(outward(20));
    await books.create(inward(20));
  });

  test("far below the minimum everything passes that leaves it equal or better", async () => {
    await books.create(outward(1000));
    await limitTo({ balance_min: 0 });
    await books.create(inward(1));
    await books.create(inward(1), pending);
    await books.create([...inward(5), ...outward(5)]);
    await books.create([...outward(5), ...inward(6)]);
    expect(await books.createRefused(outward(1))).toMatchObject(tooLow);
    expect(await books.createRefused([...inward(5), ...outward(6)])).toMatchObject(tooLow);
    expect(await books.createRefused([...inward(5), ...outward(5)], pending)).toMatchObject(tooLow);
  });

  test("far above the maximum everything passes that leaves it equal or better", async () => {
    await books.create(inward(1000));
    await limitTo({ balance_max: 10 });
    await books.create(outward(1));
    await books.create(outward(1), pending);
    await books.create([...inward(5), ...outward(5)]);
    expect(await books.createRefused(inward(1))).toMatchObject(tooHigh);
    expect(await books.createRefused([...inward(6), ...outward(5)])).toMatchObject(tooHigh);
    expect(await books.createRefused([...inward(5), ...outward(5)], pending)).toMatchObject(
      tooHigh,
    );
  });

  test("inside the limits only the end counts, not the way there", async () => {
    await limitTo({ balance_min: 0, balance_max: 10 });
    await books.create([...outward(500), ...inward(510)]);
    await books.create([...inward(500), ...outward(510)]);
    expect(await books.balance("limited")).toMatchObject({ available_amount: "0" });
  });

  test("posting and archiving are never refused by a limit", async () => {
    const hold = await books.create(inward(100), pending);
    const spend = await books.create(outward(100), pending);
    await limitTo({ balance_min: 0, balance_max: 0 });
    await books.create([...inward(1), ...outward(1)]);
    expect(await books.post(spend)).toMatchObject({ status: "posted" });
    expect(await books.archive(hold)).toMatchObject({ status: "archived" });
  });

  test("what is archived is room again", async () => {
    await limitTo({ balance_min: 0, balance_max: 100 });
    const hold = await books.create(inward(100), pending);
    expect(await books.createRefused(inward(1))).toMatchObject(tooHigh);
    await books.archive(hold);
    await books.create(inward(100));
    const spend = await books.create(outward(100), pending);
    expect(await books.createRefused(outward(1))).toMatchObject(tooLow);
    await books.archive(spend);
    await books.create(outward(100));
  });

  test("the entry that moves outward is told, not another of the account", async () => {
    await limitTo({ balance_min: 0 });
    const entries = [...inward(1), ...outward(2)];
    expect(await books.createRefused(entries)).toMatchObject(tooLow);
  });

  test("entries whose direction cannot break the limit do not wait, others do", async () => {
    await limitTo({ balance_min: 0 });
    await books.create(inward(10));
    await books.create(outward(10));
    const rows = await books.entriesOf("limited");
    expect(rows.map((row) => row["locked"])).toEqual([false, true]);
  });
});

test("of two broken limits the lowest entry is told, a broken bound comes first", async () => {
  await books.open("one", { balance_min: 0 });
  await books.open("two", { balance_min: 0 });
  const entries = [credit("bob", 2), debit("two", 1), debit("one", 1)];
  expect(await books.createRefused(entries)).toMatchObject({
    code: "LDLIM",
    detail: { index: 2, account: "two" },
  });
  entries[2] = debit("one", 1, { posted_balance: { gte: 0 } });
  expect(await books.createRefused(entries)).toMatchObject({
    code: "LDBAL",
    detail: { index: 3, account: "one" },
  });
});
