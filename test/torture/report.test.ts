import { describe, expect, test } from "@jest/globals";
import { isDisturbed } from "../../torture/checks/watch.ts";
import { newKnown } from "../../torture/clients/known.ts";
import type { Past } from "../../torture/clients/past.ts";
import { shown, shrink } from "../../torture/report/shrink.ts";
import { asked } from "./support.ts";

const failing = (code: string | undefined, message = "") =>
  isDisturbed(Object.assign(new Error(message), { code }));

describe("a shrunk history", () => {
  const known = newKnown("main", "abroad", { deeds: [], reads: [] } as unknown as Past);
  known.deeds.push(
    asked(
      "first",
      "create_transaction",
      { entries: [{ account: "a" }, { account: "b" }] },
      1_000,
      1_100,
    ),
    asked(
      "move",
      "transfer_between_ledgers",
      { from_account: "b", to_account: "there" },
      2_000,
      2_100,
    ),
    asked("close", "close_account", { address: "c" }, 3_000, 3_100),
    asked("last", "create_transaction", { entries: [{ account: "d" }] }, 60_000, 60_100),
  );
  known.reads.push({
    does: "category_balance",
    request: { ledger: "main", category: "team" },
    sent: 4_000,
    ended: 4_100,
    rows: [],
    client: "s0",
  });
  const history = [
    { at: 900, until: 2_050, what: "early" },
    { at: 50_000, until: 50_001, what: "late" },
  ];
  const about = (...names: string[]) =>
    shrink(known, { history }, [{ check: "books", what: "wrong", about: names }]).map(
      (event) => event["id"] ?? event["what"] ?? event["does"],
    );

  test("holds who named the account, in whatever place, and what went wrong meanwhile", () => {
    expect(about("b")).toEqual(["early", "first", "move"]);
    expect(about("c")).toEqual(["close"]);
    expect(about("team")).toEqual(["category_balance"]);
  });

  test("holds what happened last and all that went wrong, if nobody can say what it is about", () => {
    expect(about()).toEqual(["early", "late", "last"]);
    expect(about("main")).toEqual(["early", "late", "last"]);
  });

  test("is shown as a whole once it was minimised, with what went wrong meanwhile, counted from where the chapter began", () => {
    const least = { ...known, deeds: known.deeds.slice(1, 2), reads: [] };
    expect(shown(least, { history }, known)).toMatchObject([
      { at: -100, what: "early" },
      { at: 1_000, id: "move" },
    ]);
  });

  test("is counted from the first event", () => {
    const events = shrink(known, { history }, [{ check: "books", what: "wrong", about: ["c"] }]);
    expect(events).toMatchObject([{ at: 2_000, until: 2_100 }]);
  });
});

describe("who cannot look at the books", () => {
  test("is disturbed, if the server is away", () => {
    for (const code of ["08006", "57P01", "57P02", "57P03", "53300", "ECONNREFUSED"])
      expect(failing(code)).toBe(true);
    expect(failing(undefined, "Connection terminated unexpectedly")).toBe(true);
    expect(
      failing("42P01", 'relation "daybook_private.entries_202501_detached" does not exist'),
    ).toBe(true);
  });

  test("has something to say, if his question is wrong", () => {
    for (const code of ["42601", "42703", "42P01", "22012", "57014", "XX000"])
      expect(failing(code, 'relation "nothing" does not exist')).toBe(false);
    expect(failing(undefined, "undefined is not a function")).toBe(false);
  });
});
