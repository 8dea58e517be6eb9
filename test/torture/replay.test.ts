import { describe, expect, test } from "@jest/globals";
import { newPast } from "../../torture/checks/evidence.ts";
import { carryOut } from "../../torture/clients/client.ts";
import { deedOf, type Plan } from "../../torture/clients/deed.ts";
import { newKnown } from "../../torture/clients/known.ts";
import type { SqlDoor } from "../../torture/doors/sql.ts";
import { planOf, recordedCalls } from "../../torture/replay/calls.ts";
import { newTranslator } from "../../torture/replay/translate.ts";
import { asked } from "./support.ts";
import { LedgerByHand } from "./ledger-by-hand.ts";

const request = (id: string) => ({ ledger: "main", description: id, idempotency_key: id });
const member = (id: string) => ({ description: id, idempotency_key: id });
const deed = (does: string, id: string) => deedOf(does, request(id), id);

/** Carries out a plan, through a door that answers everything; gives what was recorded, and what was asked at the door. */
async function play(plan: Plan) {
  const made: unknown[] = [];
  const answered = { is: "answered" as const, rows: [{}] };
  const door: SqlDoor = {
    kind: "sql",
    close: async () => {},
    async call(...args) {
      made.push(JSON.parse(JSON.stringify(args)));
      return answered;
    },
    async several(...args) {
      made.push(args);
      return args[0].map(() => answered);
    },
  };
  const known = newKnown("main", "abroad", newPast("past"));
  const stop = new AbortController().signal;
  await carryOut({ name: "s0", door, known, stop, giveUp: stop }, plan);
  return { known, made };
}

describe("a recorded call is made again as it was", () => {
  const create = "create_transaction";
  test.each<[string, Plan]>([
    ["alone", { kind: "call", call: [create, request("a")], deeds: [deed(create, "a")] }],
    [
      "of a batch",
      {
        kind: "call",
        call: [
          "create_transactions",
          { ledger: "main", transactions: [member("a/0"), member("a/1")], atomic: true },
        ],
        deeds: [deed(create, "a/0"), deed(create, "a/1")],
      },
    ],
    [
      "of one that is queued",
      {
        kind: "call",
        call: ["enqueue_transactions", { ledger: "main", transactions: [member("a/0")] }],
        deeds: [deed("enqueue_transactions", "a/0")],
      },
    ],
    [
      "with others in one transaction",
      {
        kind: "several",
        deeds: [deed(create, "a/0"), deed(create, "a/1")],
        end: "rollback",
        isolation: "serializable",
      },
    ],
    ["of a read", { kind: "read", call: ["account_balance", { ledger: "main", account: "a" }] }],
  ])("%s", async (_, plan) => {
    const first = await play(plan);
    const calls = recordedCalls(first);
    expect(calls).toHaveLength(1);
    expect((await play(planOf(calls[0]!, (one) => one))).made).toEqual(first.made);
  });
});

describe("a request that is made again", () => {
  const evidence = new LedgerByHand("free:1", "free:2").evidence();
  const then = Object.assign(asked("x", "create_transaction", {}, 1, 2), {
    answer: { transaction_id: "old" },
  });
  const now = { ...then, answer: { transaction_id: "new" } };

  test("names what the ledger made this time, if it made it", () => {
    const other = { ...then, answer: { transaction_id: "lost" } };
    const { translate, isKnown, learn } = newTranslator(evidence, "reader");
    learn(then, now);
    learn(other, { ...now, answer: undefined });
    expect(translate({ transaction_id: "old" })).toEqual({ transaction_id: "new" });
    expect([{ transaction_id: "old" }, { transaction_id: "lost" }, {}].map(isKnown)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("names times that are as far away as they were, unless they were meant as such", () => {
    const { translate } = newTranslator(evidence, "reader");
    const sentAt = Date.parse("2020-05-05T00:00:00Z");
    const later = translate({ expires_at: "2020-05-05T00:01:00Z" }, { ...then, sentAt });
    expect(Math.abs(Date.parse(later["expires_at"]) - Date.now() - 60_000)).toBeLessThan(5_000);
    const closed = { effective_at: "2019-05-05T00:00:00Z" };
    expect(translate(closed, { ...then, sentAt })).toEqual(closed);
  });

  test("grants to somebody who is there", () => {
    const { translate } = newTranslator(evidence, "reader");
    expect(translate({ role: "torture_guest_o0", access: "read" })).toEqual({
      role: "reader",
      access: "read",
    });
  });
});
