import { describe, expect, test } from "@jest/globals";
import { misshapen } from "../../torture/checks/shapes.ts";
import { checkPast } from "../../torture/checks/past.ts";
import type { Past } from "../../torture/clients/past.ts";
import type { Args, Row } from "../../torture/doors/door.ts";
import { findingsOf } from "./support.ts";

const zeros = {
  lock_version: "0",
  pending_debits: "0",
  pending_credits: "0",
  posted_debits: "0",
  posted_credits: "0",
};
const of = (account: string | null): Row => ({ account, ...zeros });
const shape = (does: string, request: Args, rows: Row[]) =>
  misshapen({ does, request, rows }, ["b", "a", "eur:1"]);

describe("answers", () => {
  test.each<[string, Args, Row[]]>([
    ["account_balance", { account: "a" }, [of("a")]],
    ["account_balances", { accounts: ["b", "a"] }, [of("b"), of("a")]],
    ["balances", {}, [of("eur:1"), of("b"), of("a")]],
    ["category_balance", { category: "c" }, [{ ...of(null), lock_version: null }]],
    ["trial_balance", {}, [of("a"), of("b"), of("eur:1"), of(null), of(null)]],
    ["queued_transaction", {}, []],
  ])("of %s are as they were asked for", (does, request, rows) => {
    expect(shape(does, request, rows)).toBeUndefined();
  });

  const nothing = {
    account: null,
    ...Object.fromEntries(Object.keys(zeros).map((name) => [name, null])),
  };
  test.each<[string, string, Args, Row[]]>([
    ["nothing", "account_balance", { account: "a" }, []],
    ["a row of nulls", "account_balance", { account: "a" }, [nothing]],
    ["no columns", "account_balance", { account: "a" }, [{}]],
    ["another account", "account_balance", { account: "a" }, [of("b")]],
    ["one account more", "account_balance", { account: "a" }, [of("a"), of("b")]],
    ["an account less", "account_balances", { accounts: ["b", "a"] }, [of("b")]],
    ["another order", "account_balances", { accounts: ["b", "a"] }, [of("a"), of("b")]],
    ["no version", "account_balances", { accounts: ["a"] }, [{ ...of("a"), lock_version: null }]],
    ["not everybody", "balances", {}, [of("a"), of("b")]],
    ["no category", "category_balance", { category: "c" }, [nothing]],
    ["a total less", "trial_balance", {}, [of("a"), of("b"), of("eur:1"), of(null)]],
    ["an account less", "trial_balance", {}, [of("a"), of("b"), of(null), of(null)]],
  ])("with %s are wrong: %s", (_, does, request, rows) => {
    expect(shape(does, request, rows)).toMatch(`${does} was asked for`);
  });
});

const told = (...rows: Row[]) => {
  const read = {
    does: "account_balances",
    request: { accounts: ["a", "b"] },
    rows,
    code: undefined,
  };
  const past = { accounts: ["a", "b"], entries: new Map(), reads: [read] } as unknown as Past;
  return findingsOf((report) => checkPast(past, report));
};

test("of the past, too, all is told that was asked for", () => {
  expect(told(of("a"), of("b"))).toEqual([]);
  expect(told(of("a"))).toHaveLength(1);
  expect(told()).toHaveLength(1);
  expect(told(of("a"), { ...of("b"), posted_debits: "1" })).toHaveLength(1);
  expect(told(of("a"), { account: "b" })).toHaveLength(1);
});
