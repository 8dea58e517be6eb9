import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Evidence } from "../../torture/checks/evidence.ts";
import { judgeEvidence } from "../../torture/checks/judge-evidence.ts";
import { readFailure, keepFailure } from "../../torture/report/keep.ts";
import { coresOf } from "../../torture/report/cores.ts";
import { kindOf } from "../../torture/report/kinds.ts";
import { minimise } from "../../torture/report/minimise.ts";
import { takeApart } from "../../torture/report/units.ts";
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

  test.each([
    [
      "never comes to what is wrong only for what was left out",
      "world",
      1,
      ["main", "open world", "open limited:2", "wrong"],
    ],
    [
      "keeps what is needed so that the rest is right",
      "limited:2",
      61,
      ["main", "open world", "open limited:1", "open limited:2", "deposit", "right", "wrong"],
    ],
  ])("%s", (_, to, amount, left) => {
    const ledger = new LedgerByHand("world", "limited:1", "limited:2");
    ledger.move("deposit", "world", "limited:1", 100);
    ledger.move("right", "limited:1", to, 60);
    ledger.move("wrong", "limited:2", "world", amount);
    expect(leftOf(minimise(ledger.evidence())!.evidence)).toEqual(left);
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

  test("of a balance forgets nothing below what was enqueued before it was asked for, and applied later", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    const apply = ledger.enqueue("queued", "free:2", "free:1", 1);
    ledger.move("first", "free:2", "free:1", 20);
    ledger.read("free:1", 1);
    apply();
    const { evidence } = minimise(ledger.evidence())!;
    expect(leftOf(evidence).slice(3)).toEqual(["queued", "first", "read free:1"]);
  });

  test("of a balance forgets nothing below what expired after it was asked for", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    const held = { status: "pending", isLocked: true, expires_at: "1970-01-01" } as const;
    ledger.move("hold", "free:2", "free:1", 20, held);
    ledger.read("free:1", 1);
    ledger.expire("hold");
    const { evidence } = minimise(ledger.evidence())!;
    expect(leftOf(evidence).slice(3)).toEqual(["hold", "read free:1"]);
  });

  test("keeps all that was written of what was reversed", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    ledger.move("hold", "free:1", "free:2", 5, { status: "pending" });
    ledger.update("wrong", "hold", 6, 7);
    ledger.post("post", "hold");
    ledger.reverse("back", "hold");
    const { evidence } = minimise(ledger.evidence())!;
    expect(leftOf(evidence).slice(3)).toEqual(["hold", "wrong"]);
  });

  test("keeps the limits that were set for what they do not let through", () => {
    const ledger = new LedgerByHand("world", "limited:1");
    ledger.limit("limit", "limited:1", -7);
    ledger.move("wrong", "limited:1", "world", 8);
    const { evidence } = minimise(ledger.evidence())!;
    expect(leftOf(evidence).slice(2)).toEqual(["open limited:1", "limit", "wrong"]);
  });

  test("is kept for the entry that counts wrong, not for those that count on from there", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    ledger.move("hold", "free:1", "free:2", 5, { status: "pending" });
    ledger.post("wrong", "hold");
    ledger.move("innocent", "free:1", "free:2", 3);
    const evidence = ledger.evidence();
    const [, ...rest] = evidence.here.entries.filter(({ account }) => account === "free:1");
    for (const entry of rest) entry.counters[2]! -= 1;
    expect(judgeEvidence(evidence).findings).toHaveLength(1);
    expect(leftOf(minimise(evidence)!.evidence).slice(3)).toEqual(["hold", "wrong"]);
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
    const least = minimise(evidence, () => true)!;
    expect(least).toMatchObject({ evidence, before: 17, left: 17, isDone: false });
  });

  test("is not asked for what each of very many findings needs, nor for any more when the time is over", () => {
    const ledger = new LedgerByHand("free:1", "free:2");
    for (let n = 0; n < 150; n++) ledger.read("free:1", 1);
    const evidence = ledger.evidence();
    const { findings } = judgeEvidence(evidence);
    expect(findings).toHaveLength(150);
    const history = takeApart(evidence, findings);
    expect(coresOf(history, findings, () => false)).toHaveLength(100);
    let asked = 0;
    expect(coresOf(history, findings, () => ++asked > 3)).toHaveLength(3);
  });
});

describe("evidence in a file", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => void (folder = temporaryFolder()));
  afterEach(() => folder.remove());

  /** Keeps evidence of which a deed was answered something, and reads it again. */
  function kept(detail: unknown) {
    const file = join(folder.path, "kept.json");
    const evidence = wrongRead();
    evidence.known.deeds[0]!.detail = detail;
    keepFailure(file, { kinds: ["some"], evidence });
    expect(readFailure(file)).toEqual({ kinds: ["some"], evidence });
    return readFailure(file).evidence.known.deeds[0]!.detail;
  }

  test("is what it was", () => {
    const date = new Date(5);
    const map = new Map<unknown, unknown>([[date, new Map([["a", [date]]])]]);
    const detail = { date, map, list: [1.5, "", Infinity, null, true, { date }], none: null };
    expect(kept(detail)).toStrictEqual(detail);
    expect(kept({ nothing: undefined })).toStrictEqual({});
  });

  test.each([
    ["-Infinity", -Infinity],
    ["NaN", NaN],
    ["undefined", [undefined]],
    ["Set\\(1\\) { 1 }", new Set([1])],
    ["5n", 5n],
    ["Invalid Date", new Date(NaN)],
    ["Buffer 61", Buffer.from("a")],
    ["'\\$date': 5", { $date: 5 }],
  ])("is not there if it held what would be lost: %s", (text, value) => {
    expect(() => kept({ value })).toThrow(new RegExp(text));
    expect(existsSync(join(folder.path, "kept.json"))).toBe(false);
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
