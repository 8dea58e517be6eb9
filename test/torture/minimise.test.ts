import { describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import type { Evidence } from "../../torture/checks/evidence.ts";
import { judgeEvidence } from "../../torture/checks/judge-evidence.ts";
import { readFailure, keepFailure } from "../../torture/report/keep.ts";
import { kindOf } from "../../torture/report/kinds.ts";
import { minimise } from "../../torture/report/minimise.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { LedgerByHand } from "./ledger-by-hand.ts";

/** What is left: ids of deeds, and which accounts were read. */
const leftOf = ({ known: { deeds, reads } }: Evidence) => [
  ...deeds.map(({ id }) => id),
  ...reads.map(({ request }) => `read ${request["account"]}`),
];

/** Among much that is right, a read of `free:1` that was told one too much. */
function wrongRead() {
  const ledger = new LedgerByHand("free:1", "free:2", "free:3", "eur:1", "limited:1");
  ledger.move("elsewhere", "free:2", "free:3", 5);
  ledger.move("before", "free:2", "free:1", 20);
  ledger.read("free:1");
  ledger.limit("limit", "limited:1", -7);
  ledger.limit("own limit", "free:1", -500);
  ledger.move("hold", "free:1", "free:3", 4, { status: "pending" });
  ledger.read("free:1", 1);
  ledger.post("post", "hold");
  ledger.move("after", "free:1", "free:2", 10);
  ledger.read("free:1");
  ledger.read("free:3");
  return ledger.evidence();
}

describe("a history that is wrong", () => {
  test("is left with what it takes, in record and books", () => {
    const evidence = wrongRead();
    const least = minimise(evidence)!;
    expect(leftOf(least.evidence)).toEqual([
      "main",
      ...["free:1", "free:2", "free:3"].map((address) => `open ${address}`),
      "before",
      "hold",
      "read free:1",
    ]);
    expect(least).toMatchObject({ before: 17, left: 7, isDone: true });
    const { entries, transactions, kept } = least.evidence.here;
    expect(entries.map(({ transaction, version }) => [transaction, version])).toEqual([
      ["Tbefore", 1],
      ["Tbefore", 1],
      ["Thold", 1],
      ["Thold", 1],
    ]);
    // The first entries of their accounts are gone, and it is pending again.
    expect(entries[0]).toMatchObject({
      account: "free:2",
      lockVersion: 1,
      counters: [20, 0, 20, 0],
    });
    expect(transactions[1]).toMatchObject({ status: "pending", version: 1, posted_at: null });
    expect(kept.accounts).toHaveLength(3);
    expect(judgeEvidence(least.evidence).findings).toEqual(least.findings);
    expect(least.findings.map(kindOf)).toEqual(judgeEvidence(evidence).findings.map(kindOf));
  });

  test("is not changed", () => {
    const evidence = wrongRead();
    minimise(evidence);
    expect(evidence).toEqual(wrongRead());
  });

  test("keeps all that was counted by who was let through: without it he would be wrong for another reason", () => {
    const ledger = new LedgerByHand("world", "limited:1", "free:1");
    ledger.move("deposit", "world", "limited:1", 100);
    ledger.move("other", "world", "free:1", 1);
    ledger.move("wrong", "limited:1", "world", 101);
    ledger.move("again", "world", "limited:1", 200);
    ledger.move("right", "limited:1", "free:1", 150);
    const least = minimise(ledger.evidence())!;
    expect(leftOf(least.evidence).slice(3)).toEqual(["deposit", "wrong"]);
    expect(least.findings).toEqual([expect.objectContaining({ about: ["limited:1", "wrong"] })]);
  });

  test("never comes to what is wrong only for what was left out", () => {
    const ledger = new LedgerByHand("world", "limited:1", "limited:2");
    ledger.move("deposit", "world", "limited:1", 100);
    ledger.move("right", "limited:1", "world", 60);
    ledger.move("wrong", "limited:2", "world", 1);
    const least = minimise(ledger.evidence())!;
    expect(leftOf(least.evidence).slice(2)).toEqual(["open limited:2", "wrong"]);
  });

  test("keeps what is needed so that the rest is right", () => {
    const ledger = new LedgerByHand("world", "limited:1", "limited:2");
    ledger.move("deposit", "world", "limited:1", 100);
    ledger.move("right", "limited:1", "limited:2", 60);
    ledger.move("wrong", "limited:2", "world", 61);
    const least = minimise(ledger.evidence())!;
    expect(leftOf(least.evidence).slice(4)).toEqual(["deposit", "right", "wrong"]);
  });

  test("of a balance forgets what had been folded long before it was asked for", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    ledger.move("first", "free:2", "free:1", 20);
    ledger.move("folded", "free:2", "free:1", 3, { isLocked: true });
    ledger.move("last", "free:2", "free:1", 4);
    ledger.read("free:1", 1);
    const { evidence } = minimise(ledger.evidence())!;
    expect(leftOf(evidence).slice(3)).toEqual(["folded", "last", "read free:1"]);
    const told = { lock_version: "2", pending_credits: "8", posted_debits: "0" };
    expect(evidence.known.reads[0]!.rows).toEqual([expect.objectContaining(told)]);
  });

  test("is found by its beginning where nobody can say who did it", () => {
    const ledger = new LedgerByHand("limited:1", "free:1");
    ledger.limit("limit", "limited:1", -7);
    ledger.move("one", "free:1", "limited:1", 1);
    const evidence = ledger.evidence();
    Object.assign(evidence.here.kept.accounts[0]!, { balance_min: 5 });
    const least = minimise(evidence)!;
    expect(least.findings).toEqual([expect.objectContaining({ about: ["limited:1"] })]);
    expect(leftOf(least.evidence)).toEqual(["main", "open limited:1", "limit"]);
  });

  test("is kept for the first of several kinds", () => {
    const ledger = new LedgerByHand("world", "limited:1", "free:1");
    ledger.read("free:1", 1);
    ledger.move("wrong", "limited:1", "world", 1);
    expect(judgeEvidence(ledger.evidence()).findings).toHaveLength(2);
    expect(minimise(ledger.evidence())!.findings).toHaveLength(1);
  });

  test("is left as it is when there is no time, and says so", () => {
    const evidence = wrongRead();
    const least = minimise(evidence, 0)!;
    expect(least).toMatchObject({ evidence, before: 17, left: 17, isDone: false });
  });

  test("can be kept in a file", () => {
    const folder = temporaryFolder();
    try {
      const file = join(folder.path, "kept.json");
      const evidence = wrongRead();
      keepFailure(file, { kinds: ["some"], evidence });
      expect(readFailure(file)).toEqual({ kinds: ["some"], evidence });
    } finally {
      folder.remove();
    }
  });
});

test("nothing is left out of what is right", () => {
  const ledger = new LedgerByHand("free:1", "free:2");
  ledger.move("one", "free:1", "free:2", 1);
  ledger.read("free:1");
  expect(judgeEvidence(ledger.evidence()).findings).toEqual([]);
  expect(minimise(ledger.evidence())).toBeUndefined();
});

test.each([
  [
    "free:1 was read as 1,-2,3, which it never was then",
    "free:# was read as #, which it never was then",
  ],
  ['made by s3-17/2 with LDLIM: {"a":1}', "made by # with LDLIM: #"],
  ["acknowledged as 01a20092-e7cf-70e4-b0ea-2aea7e0471c8, and not", "acknowledged as #, and not"],
])("a kind is what is said without ids and figures: %s", (what, kind) => {
  expect(kindOf({ check: "x", what, about: [] })).toBe(`x: ${kind}`);
});
