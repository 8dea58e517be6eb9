import { afterEach, describe, expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Entry, type Row } from "../support/use-books.ts";

// Before the test is rolled back: hooks run in the order in which they are defined.
afterEach(async () => expect(await books.violations()).toEqual([]));

const books = useBooks();
const THEN = new Date("2020-01-01T00:00:00Z");
const LATER = new Date("2021-01-01T00:00:00Z");
const hold = (entries = move("alice", "bob", 100), args: object = {}) =>
  books.create(entries, { status: "pending", ...args });
const part = (amount: number, extras = {}) => move("alice", "bob", amount, extras);
const refusal = ({ transaction_id }: Row, entries: Entry[] | null, args: object = {}) =>
  books.refusal("partially_post_transaction", { transaction_id, entries, ...args });
const rowOf = ({ transaction_id }: Row) => books.transaction(transaction_id);
const left = async (transaction: Row) =>
  (await books.linesOf(transaction)).map((line) => [line["account"], line["amount"]]);

describe("a part", () => {
  test("becomes a posted transaction of its own, linked to the pending one", async () => {
    const transaction = await hold(undefined, { effective_at: THEN, description: "trip" });
    const posted = await books.postPart(transaction, part(30), {
      description: "first leg",
      metadata: { leg: 1 },
      external_id: "leg-1",
    });
    expect(posted).toMatchObject({
      index: null,
      ledger: "main",
      status: "posted",
      version: 1,
      replayed: false,
      archived_reason: null,
      balances: null,
      error_code: null,
    });
    expect(posted["transaction_id"]).not.toBe(transaction["transaction_id"]);
    expect(await rowOf(posted)).toMatchObject({
      status: "posted",
      version: 1,
      effective_at: THEN,
      expires_at: null,
      description: "first leg",
      metadata: { leg: 1 },
      external_id: "leg-1",
      partially_posts_transaction_id: transaction["transaction_id"],
    });
    expect(await rowOf(transaction)).toMatchObject({
      status: "pending",
      version: 2,
      description: "trip",
      metadata: {},
      partially_posts_transaction_id: null,
      posted_at: null,
      archived_at: null,
    });
  });

  test("leaves the hold by the same amounts: pending balances stay, posted ones move", async () => {
    const transaction = await hold();
    await books.postPart(transaction, part(30));
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "100",
      posted_debits: "30",
      available_amount: "-100",
      lock_version: "3",
    });
    expect(await books.balance("bob")).toMatchObject({
      pending_credits: "100",
      posted_credits: "30",
      available_amount: "30",
    });
    expect(await left(transaction)).toEqual([
      ["alice", "70"],
      ["bob", "70"],
    ]);
  });

  test("is in the books at the moment at which the hold shrinks, and not before or after", async () => {
    const transaction = await hold();
    const posted = await books.postPart(transaction, part(30));
    const rows = await books.look(
      `select distinct e.effect::text, e.transaction_id, e.created_at = t.created_at as at_once
         from daybook.entries e, daybook.transactions t
        where t.id = $1 and e.effect <> 'pending' order by 1`,
      [posted["transaction_id"]],
    );
    expect(rows).toEqual([
      { effect: "posted", transaction_id: posted["transaction_id"], at_once: true },
      { effect: "released", transaction_id: transaction["transaction_id"], at_once: true },
    ]);
  });

  test("has its entries' metadata and the order of the call", async () => {
    const transaction = await hold();
    const posted = await books.postPart(transaction, [
      credit("bob", 5),
      debit("alice", 5, { metadata: { n: 1 } }),
    ]);
    const rows = await books.query(
      "select position, metadata, effect::text from daybook.entries where transaction_id = $1 order by 1",
      [posted["transaction_id"]],
    );
    expect(rows).toEqual([
      { position: 1, metadata: {}, effect: "posted" },
      { position: 2, metadata: { n: 1 }, effect: "posted" },
    ]);
  });

  test("is logged on both sides", async () => {
    const transaction = await hold();
    const posted = await books.postPart(transaction, part(30));
    const log = await books.query(
      "select transaction_id, data from daybook.log where kind = 'partially_post_transaction'",
    );
    expect(log).toHaveLength(2);
    expect(log).toEqual(
      expect.arrayContaining([
        {
          transaction_id: transaction["transaction_id"],
          data: expect.objectContaining({
            version: 2,
            posted_transaction_id: posted["transaction_id"],
          }),
        },
        {
          transaction_id: posted["transaction_id"],
          data: expect.objectContaining({
            status: "posted",
            partially_posts_transaction_id: transaction["transaction_id"],
          }),
        },
      ]),
    );
  });
});

describe("effective time", () => {
  test("another one is the posted part's; the hold is released at its own", async () => {
    const transaction = await hold(undefined, { effective_at: LATER });
    const posted = await books.postPart(transaction, part(30), { effective_at: THEN });
    expect(await rowOf(posted)).toMatchObject({ effective_at: THEN });
    expect(await books.heldAt("alice", THEN)).toBe(30);
    expect(await books.heldAt("alice", LATER)).toBe(100);
    expect(await rowOf(transaction)).toMatchObject({ effective_at: LATER });
  });

  test.each(["infinity", "-infinity"])("%s is LDARG", async (effective_at) => {
    expect(await refusal(await hold(), part(1), { effective_at })).toMatchObject({
      code: "LDARG",
      detail: { argument: "effective_at" },
    });
  });
});

describe("part by part", () => {
  test("until nothing is left: then the pending one is archived, fully posted", async () => {
    const transaction = await hold(undefined, { external_id: "trip" });
    await books.postPart(transaction, part(30));
    await books.postPart(transaction, part(30));
    const taken = await books.createRefused(move("alice", "bob", 1), { external_id: "trip" });
    expect(taken).toMatchObject({
      code: "LDEXT",
      detail: { transaction_id: transaction["transaction_id"] },
    });
    await books.postPart(transaction, part(40));
    const row = await rowOf(transaction);
    expect(row).toMatchObject({
      status: "archived",
      version: 4,
      archived_reason: "fully_posted",
      posted_at: null,
    });
    expect(row["archived_at"]).toBeInstanceOf(Date);
    expect(await refusal(transaction, part(1))).toMatchObject({
      code: "LDSTA",
      detail: { status: "archived", archived_reason: "fully_posted" },
    });
    await books.create(move("alice", "bob", 1), { external_id: "trip" });
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "101",
      posted_debits: "101",
    });
  });

  test("all at once is possible", async () => {
    const transaction = await hold();
    await books.postPart(transaction, part(100));
    expect(await rowOf(transaction)).toMatchObject({ archived_reason: "fully_posted", version: 2 });
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "100",
      posted_debits: "100",
    });
  });

  test("currency by currency", async () => {
    const transaction = await hold([
      ...move("alice", "bob", 100),
      debit("euro-cash", 7),
      credit("euro", 7),
    ]);
    await books.postPart(transaction, [credit("euro", 7), debit("euro-cash", 7)]);
    expect(await left(transaction)).toEqual([
      ["alice", "100"],
      ["bob", "100"],
    ]);
    await books.postPart(transaction, part(100));
    expect(await rowOf(transaction)).toMatchObject({ archived_reason: "fully_posted" });
  });

  test("of huge amounts to the last unit", async () => {
    const most = "9".repeat(36);
    const transaction = await hold(move("alice", "bob", most));
    const almost = most.replace(/9$/, "8");
    await books.postPart(transaction, move("alice", "bob", almost));
    expect(await left(transaction)).toEqual([
      ["alice", "1"],
      ["bob", "1"],
    ]);
    await books.postPart(transaction, move("alice", "bob", "1.00"));
    expect(await rowOf(transaction)).toMatchObject({ archived_reason: "fully_posted" });
  });
});

const several = () =>
  hold([
    debit("alice", 60),
    credit("bob", 100),
    debit("alice", 40),
    credit("alice", 5),
    debit("carol", 5),
  ]);

describe("entries are matched by account and direction, summed", () => {
  test("one takes from several pending ones, the first of them first", async () => {
    const transaction = await several();
    await books.postPart(transaction, part(70));
    expect(await books.linesOf(transaction)).toMatchObject([
      { position: 2, account: "bob", amount: "30" },
      { position: 3, account: "alice", direction: "debit", amount: "30" },
      { position: 4, account: "alice", direction: "credit", amount: "5" },
      { position: 5, account: "carol", amount: "5" },
    ]);
  });

  test("several take from one", async () => {
    const transaction = await hold();
    await books.postPart(transaction, [
      debit("alice", 10),
      debit("alice", 20),
      credit("bob", 29),
      credit("bob", 1),
    ]);
    expect(await left(transaction)).toEqual([
      ["alice", "70"],
      ["bob", "70"],
    ]);
  });

  test("the two directions of an account are kept apart", async () => {
    const transaction = await several();
    await books.postPart(transaction, [credit("alice", 5), debit("alice", 5)]);
    expect(await books.linesOf(transaction)).toMatchObject([
      { account: "alice", direction: "debit", amount: "55" },
      { account: "bob" },
      { account: "alice", direction: "debit", amount: "40" },
      { account: "carol", amount: "5" },
    ]);
    expect(await refusal(transaction, [credit("alice", 1), debit("alice", 1)])).toMatchObject({
      code: "LDARG",
      detail: { argument: "entries", index: 1 },
    });
  });

  test("more than is left is LDAMT, with what is left", async () => {
    const transaction = await several();
    expect(await refusal(transaction, [credit("bob", 101), debit("alice", 101)])).toMatchObject({
      code: "LDAMT",
      detail: { index: 1, account: "bob", direction: "credit", amount: "101", remaining: "100" },
    });
    await books.postPart(transaction, part(70));
    const two = [debit("carol", 1), debit("alice", 1), debit("alice", 30), credit("bob", 32)];
    expect(await refusal(transaction, two)).toMatchObject({
      code: "LDAMT",
      detail: { index: 2, account: "alice", amount: "31", remaining: "30" },
    });
  });

  test.each<[string, Entry[], number]>([
    ["account", [debit("alice", 1), credit("carol", 1)], 2],
    ["direction", [credit("alice", 1), debit("bob", 1)], 1],
    [
      "currency",
      [debit("alice", 1), credit("bob", 1), debit("euro-cash", 1), credit("euro", 1)],
      3,
    ],
  ])("another %s than is held is LDARG", async (_, entries, index) => {
    expect(await refusal(await hold(), entries)).toMatchObject({
      code: "LDARG",
      detail: { argument: "entries", index },
    });
  });

  test("they must balance", async () => {
    const refused = await refusal(await hold(), [debit("alice", 5), credit("bob", 4)]);
    expect(refused).toMatchObject({
      code: "LDUNB",
      detail: { currency: "USD", debits: "5", credits: "4" },
    });
  });
});

describe("conditions of the entries", () => {
  test("are judged after everything, the shrunken hold included", async () => {
    await books.create(move("cash", "alice", 100));
    const transaction = await hold(part(50));
    expect(await refusal(transaction, part(30, { posted_balance: { lt: 70 } }))).toMatchObject({
      code: "LDBAL",
      detail: { index: 1, account: "alice", balance: "posted_balance", actual: "70" },
    });
    const asked = {
      posted_balance: { eq: 70 },
      pending_balance: { eq: 50 },
      available_balance: { eq: 50 },
    };
    await books.postPart(transaction, part(30, asked));
  });

  test("lock_version is the account's just before", async () => {
    const transaction = await hold();
    const refused = await refusal(transaction, part(30, { lock_version: 0 }));
    expect(refused).toMatchObject({ code: "LDVER", detail: { index: 1, account: "alice" } });
    expect(Number(refused.detail["actual"])).toBe(1);
    await books.postPart(transaction, part(30, { lock_version: 1 }));
    await books.postPart(transaction, part(30, { lock_version: 3 }));
  });

  test("the balances that were asked for are those afterwards", async () => {
    const posted = await books.postPart(await hold(), part(30, { show_resulting_balances: true }));
    expect(posted).toMatchObject({
      balances: [{ account: "alice", posted_amount: -30, pending_amount: -100, lock_version: 3 }],
    });
  });
});

test("no limit refuses what a hold was granted for, however far outside", async () => {
  const transaction = await hold();
  await books.call("set_account_limits", { address: "alice", balance_min: 50 });
  await books.call("set_account_limits", { address: "bob", balance_max: 1 });
  await books.postPart(transaction, part(30));
  await books.postPart(transaction, part(70, { pending_balance: { eq: -100 } }));
  expect(await rowOf(transaction)).toMatchObject({ archived_reason: "fully_posted" });
});

test("what is held on closed accounts may be posted in parts", async () => {
  const transaction = await hold();
  await books.call("close_account", { address: "alice" });
  await books.call("close_account", { address: "bob" });
  await books.postPart(transaction, part(30));
  await books.postPart(transaction, part(30, { posted_balance: { eq: -60 } }));
  expect(await left(transaction)).toEqual([
    ["alice", "40"],
    ["bob", "40"],
  ]);
});

describe("external_id", () => {
  test("is unique among pending and posted ones", async () => {
    const holder = await books.create(move("alice", "bob", 1), { external_id: "x" });
    const { transaction_id } = holder;
    expect(await refusal(await hold(), part(1), { external_id: "x" })).toMatchObject({
      code: "LDEXT",
      detail: { external_id: "x", transaction_id },
    });
  });

  test("of the pending one is not free, not even for the last part", async () => {
    const transaction = await hold(undefined, { external_id: "x" });
    for (const amount of [30, 100]) {
      expect(await refusal(transaction, part(amount), { external_id: "x" })).toMatchObject({
        code: "LDEXT",
        detail: { transaction_id: transaction["transaction_id"] },
      });
    }
  });

  test("of a part stays its own", async () => {
    const transaction = await hold();
    await books.postPart(transaction, part(30), { external_id: "x" });
    await books.postPart(transaction, part(70));
    expect(await books.createRefused(part(1), { external_id: "x" })).toMatchObject({
      code: "LDEXT",
    });
  });
});

const partly = async (args: object = {}) => {
  const transaction = await hold(undefined, { effective_at: THEN, ...args });
  await books.postPart(transaction, part(30));
  return transaction;
};
const effects = async (account: string) =>
  (await books.entriesOf(account))
    .slice(3)
    .map((row) => [row["effect"], row["amount"], row["effective_at"]]);

describe("what is left", () => {
  test("is posted", async () => {
    const transaction = await partly();
    expect(await books.post(transaction)).toMatchObject({ status: "posted", version: 3 });
    expect(await effects("alice")).toEqual([["settled", "70", THEN]]);
    expect(await books.linesOf(transaction)).toMatchObject([
      { position: 1, account: "alice", amount: "70", effect: "settled" },
      { position: 2, account: "bob", amount: "70", effect: "settled" },
    ]);
  });

  test("is archived, and the parts stay posted", async () => {
    const transaction = await partly();
    expect(await books.archive(transaction)).toMatchObject({ status: "archived", version: 3 });
    expect(await effects("alice")).toEqual([["released", "70", THEN]]);
    expect(await rowOf(transaction)).toMatchObject({ archived_reason: null });
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "30",
      posted_debits: "30",
    });
  });

  test("moves to another time", async () => {
    const transaction = await partly();
    await books.update(transaction, { effective_at: LATER });
    expect(await effects("alice")).toEqual([
      ["released", "70", THEN],
      ["pending", "70", LATER],
    ]);
    await books.postPart(transaction, part(70));
    expect(await rowOf(transaction)).toMatchObject({ archived_reason: "fully_posted", version: 4 });
  });

  test("is replaced by other entries, of which parts are posted again", async () => {
    const transaction = await partly();
    await books.update(transaction, { entries: move("alice", "bob", 50) });
    expect(await effects("alice")).toEqual([
      ["released", "70", THEN],
      ["pending", "50", THEN],
    ]);
    expect(await refusal(transaction, part(51))).toMatchObject({ detail: { remaining: "50" } });
    await books.postPart(transaction, part(20));
    expect(await left(transaction)).toEqual([
      ["alice", "30"],
      ["bob", "30"],
    ]);
    await books.post(transaction, { entries: move("carol", "bob", 10) });
    expect(await books.balance("alice")).toMatchObject({
      pending_debits: "50",
      posted_debits: "50",
    });
    expect(await books.balance("bob")).toMatchObject({ posted_credits: "60" });
  });
});

test("posted, archived and expired ones are LDSTA; so is a part", async () => {
  const expired = await hold(undefined, { expires_at: new Date(Date.now() + 60_000) });
  const posted = await books.postPart(expired, part(10));
  const archived = await hold();
  await books.archive(archived);
  await books.lapse(expired);
  for (const [status, transaction] of Object.entries({ posted, archived, expired })) {
    expect(await refusal(transaction, part(1))).toMatchObject({
      code: "LDSTA",
      detail: { status },
    });
  }
});

describe("expected_version is the pending one's", () => {
  test("each part raises it", async () => {
    const transaction = await hold();
    await books.postPart(transaction, part(10), { expected_version: 1 });
    expect(await refusal(transaction, part(10), { expected_version: 1 })).toMatchObject({
      code: "LDVER",
      detail: { transaction_id: transaction["transaction_id"], actual: 2 },
    });
    await books.postPart(transaction, part(10), { expected_version: 2 });
  });
});

describe("with an idempotency key", () => {
  const show = { show_resulting_balances: true };
  const asked = {
    effective_at: THEN,
    external_id: "x",
    description: "d",
    metadata: { a: 1 },
    idempotency_key: "p",
    expected_version: 1,
  };

  test("a repeated call returns what the first returned, whatever has happened since", async () => {
    const transaction = await hold();
    const first = await books.postPart(transaction, part(30, show), asked);
    const replay = { ...first, replayed: true };
    expect(await books.postPart(transaction, part(30, show), asked)).toEqual(replay);
    await books.postPart(transaction, part(70));
    const traces = await books.traces();
    expect(await books.postPart(transaction, part(30, show), asked)).toEqual(replay);
    expect(first["balances"]).toMatchObject([{ posted_amount: -30 }]);
    expect(await books.traces()).toEqual(traces);
  });

  test.each<[string, object]>([
    ["other entries", { entries: part(31, show) }],
    ["other conditions", { entries: part(30) }],
    ["another effective time", { effective_at: LATER }],
    ["no effective time", { effective_at: null }],
    ["another external id", { external_id: "y" }],
    ["no external id", { external_id: null }],
    ["another description", { description: "" }],
    ["other metadata", { metadata: { a: 2 } }],
    ["no metadata", { metadata: null }],
    ["another version", { expected_version: 2 }],
    ["no version", { expected_version: null }],
  ])("%s: LDIDM", async (_, other) => {
    const transaction = await hold();
    await books.postPart(transaction, part(30, show), asked);
    expect(await refusal(transaction, part(30, show), { ...asked, ...other })).toMatchObject({
      code: "LDIDM",
      detail: { idempotency_key: "p", operation: "partially_post_transaction" },
    });
  });

  test("of another transaction or operation: LDIDM", async () => {
    const transaction = await hold();
    const key = { idempotency_key: "p" };
    await books.postPart(transaction, part(30), key);
    expect(await refusal(await hold(), part(30), key)).toMatchObject({ code: "LDIDM" });
    const { transaction_id } = transaction;
    const other = { transaction_id, entries: part(30), ...key };
    expect(await books.refusal("post_transaction", other)).toMatchObject({ code: "LDIDM" });
    expect(await books.refusal("update_transaction", other)).toMatchObject({ code: "LDIDM" });
  });

  test("a refused call keeps nothing and may be repeated", async () => {
    const transaction = await hold();
    const traces = await books.traces();
    const bounded = part(30, { posted_balance: { gte: 0 } });
    expect(await refusal(transaction, bounded, asked)).toMatchObject({ code: "LDBAL" });
    expect(await books.traces()).toEqual(traces);
    await books.create(move("cash", "alice", 30));
    expect(await books.postPart(transaction, bounded, asked)).toMatchObject({ replayed: false });
  });
});

describe("LDARG", () => {
  const good = part(1);
  test.each<[Entry[] | null, object, object]>([
    [null, {}, { argument: "entries" }],
    [[], {}, { argument: "entries" }],
    [[debit("alice", 1)], {}, { argument: "entries" }],
    [Array.from({ length: 1001 }, () => debit("alice", 1)), {}, { argument: "entries" }],
    [good, { transaction_id: null }, { argument: "transaction_id" }],
    [good, { expected_version: 0 }, { argument: "expected_version" }],
    [good, { idempotency_key: "" }, { argument: "idempotency_key" }],
    [good, { external_id: "x".repeat(181) }, { argument: "external_id" }],
    [good, { description: "\u0007" }, { argument: "description" }],
    [good, { metadata: [1] }, { argument: "metadata" }],
    [[credit("bob", 1), debit("Alice Smith", 1)], {}, { argument: "account", index: 2 }],
    [[credit("bob", 1), debit("alice", null)], {}, { argument: "amount", index: 2 }],
    [part(1, { lock_version: -1 }), {}, { argument: "lock_version", index: 1 }],
    [part(1, { metadata: "text" }), {}, { argument: "metadata", index: 1 }],
  ])("%#", async (entries, args, detail) => {
    expect(await refusal(await hold(), entries, args)).toMatchObject({ code: "LDARG", detail });
  });
});

test.each(["0", "-1", "0.5", "1e36", "NaN"])("an amount of %s is LDAMT", async (amount) => {
  expect(await refusal(await hold(), [debit("alice", 1), credit("bob", amount)])).toMatchObject({
    code: "LDAMT",
    detail: { index: 2 },
  });
});

test("entries are counted from 1, wherever the caller's array begins", async () => {
  const transaction = await hold();
  const call = (amount: number, bound: number) =>
    books.query(
      `select (daybook.partially_post_transaction('main', $1, ('[0:1]=' || array[
         daybook.credit('bob', $2),
         daybook.debit('alice', $2, posted_balance => daybook.gte($3))]::text)::daybook.entry_input[])).status`,
      [transaction["transaction_id"], amount, bound],
    );
  expect(await books.refused(() => call(5, -4))).toMatchObject({
    code: "LDBAL",
    detail: { index: 2, account: "alice" },
  });
  expect(await books.refused(() => call(101, 0))).toMatchObject({
    code: "LDAMT",
    detail: { index: 1, account: "bob" },
  });
  expect(await call(5, -5)).toEqual([{ status: "posted" }]);
});
