import { expect, test } from "@jest/globals";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/* "Everything that the contract offers" is what clients and operators of the simulator ask for at random, now and later. */

const ROOT = join(import.meta.dirname, "../..");

/** What nobody asks for at random, and why. */
const EXCEPTIONS: Record<string, string> = {
  debit: "builds an entry for people who write SQL; entries are sent as JSON",
  credit: "as debit",
  gt: "builds a bound for people who write SQL",
  gte: "as gt",
  eq: "as gt",
  not_eq: "as gt",
  lte: "as gt",
  lt: "as gt",
  export_rows: "a copy of a ledger at rest: test/export",
  restore_rows: "writes into a ledger that nobody can use yet: test/export",
  finish_restore: "as restore_rows",
};

const offered = globSync("migrations/fixtures/daybook/functions/*.sql", { cwd: ROOT }).map((file) =>
  basename(file, ".sql"),
);
const asked = globSync("torture/{clients,nemesis}/*.ts", { cwd: ROOT })
  .map((file) => readFileSync(join(ROOT, file), "utf8"))
  .join("\n");

/** Whether it is named as a function is: between quotes, or in a statement. */
const isAsked = (name: string) => new RegExp(`"${name}"|\\bdaybook\\.${name}\\(`).test(asked);

test("the simulator asks for everything that the contract offers", () => {
  expect(offered.length).toBeGreaterThan(60);
  expect(offered.filter((name) => !isAsked(name) && !(name in EXCEPTIONS))).toEqual([]);
});

test("what it leaves out is offered, and left out", () => {
  const left = Object.keys(EXCEPTIONS);
  const directions = ["debit", "credit"]; // words of entries too
  expect(left.filter((name) => !offered.includes(name))).toEqual([]);
  expect(left.filter((name) => isAsked(name) && !directions.includes(name))).toEqual([]);
});
