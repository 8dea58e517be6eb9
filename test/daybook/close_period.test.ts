import { describe, expect, test } from "@jest/globals";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();
const END = "2026-01-01T00:00:00Z";
const inside = { effective_at: "2025-12-31T23:59:59.999999Z" };
const outside = { effective_at: END };
const close = (until: string | null = END) => books.call("close_period", { until });

const pending = (args: object = inside) =>
  books.create(move("alice", "bob", 30), { status: "pending", ...args });
const refusal = (name: string, { transaction_id }: Row, args: object = {}) =>
  books.refusal(name, { transaction_id, ...args });
const PER = { code: "LDPER", detail: { ledger: "main" } };

describe("close_period", () => {
  test("gives the ledger, closed until then, and is logged", async () => {
    expect(await close()).toMatchObject({ name: "main", closed_until: new Date(END) });
    expect(
      await books.query("select actor, data from daybook.log where kind = 'close_period'"),
    ).toEqual([
      { actor: "test_writer", data: { closed_until: expect.stringMatching(/^2026-01-01/) } },
    ]);
  });

  test("only moves forward: the same or an earlier time changes nothing and is not logged", async () => {
    const first = await close();
    const traces = await books.traces();
    expect(await close()).toEqual(first);
    expect(await close("2025-01-01")).toEqual(first);
    expect(await books.traces()).toEqual(traces);
    expect(await close("2026-02-01T00:00:00Z")).toMatchObject({
      closed_until: new Date("2026-02-01T00:00:00Z"),
    });
  });

  test("cannot close what is not over", async () => {
    const [{ soon }] = (await books.query(
      "select clock_timestamp() + interval '1 minute' as soon",
    )) as [Row];
    expect(await books.refusal("close_period", { until: soon })).toMatchObject({
      code: "LDARG",
      detail: { argument: "until" },
    });
    const [{ now }] = (await books.query("select now()")) as [Row];
    expect(await close(now)).toMatchObject({ closed_until: expect.any(Date) });
  });

  test.each(["close_period", "reopen_period"])(
    "%s refuses null and infinite times",
    async (name) => {
      for (const until of [null, "infinity", "-infinity"]) {
        expect(await books.refusal(name, { until })).toMatchObject({
          code: "LDARG",
          detail: { argument: "until" },
        });
      }
    },
  );

  test.each(["close_period", "reopen_period"])("%s knows no other ledger", async (name) => {
    await books.be("test_admin");
    expect(await books.refusal(name, { ledger: "none", until: END })).toMatchObject({
      code: "LDLED",
    });
  });

  test("leaves other ledgers open", async () => {
    await books.be("test_admin");
    await books.call("create_ledger", { ledger: "other" });
    for (const address of ["alice", "bob"])
      await books.call("open_account", { ledger: "other", address, currency: "USD" });
    await close();
    await books.create(move("alice", "bob", 1), { ledger: "other", ...inside });
  });
});

describe("reopen_period", () => {
  test("opens what is effective from a time on, and is logged", async () => {
    await close();
    const until = "2025-07-01T00:00:00Z";
    expect(await books.call("reopen_period", { until })).toMatchObject({
      closed_until: new Date(until),
    });
    await books.create(move("alice", "bob", 1), inside);
    await books.create(move("alice", "bob", 1), { effective_at: until });
    expect(
      await books.createRefused(move("alice", "bob", 1), { effective_at: "2025-06-30T23:59:59Z" }),
    ).toMatchObject(PER);
    expect(
      await books.query("select data from daybook.log where kind = 'reopen_period'"),
    ).toMatchObject([{ data: { closed_before: expect.stringMatching(/^2026-01-01/) } }]);
  });

  test("of what is open already changes nothing", async () => {
    const traces = await books.traces();
    expect(await books.call("reopen_period", { until: END })).toMatchObject({ closed_until: null });
    expect(await books.traces()).toEqual(traces);
    await close();
    expect(await books.call("reopen_period", { until: "2027-01-01" })).toMatchObject({
      closed_until: new Date(END),
    });
  });
});

describe("in a closed period", () => {
  test.each<[string, object, object]>([
    ["unlocked", {}, {}],
    ["pending", {}, { status: "pending" }],
    ["locked", { available_balance: { gte: -1000 } }, {}],
    ["declinable", { available_balance: { gte: 0 } }, { archive_on_lock_failure: true }],
    ["rehearsed", {}, { dry_run: true }],
    ["with a key", {}, { idempotency_key: "k", external_id: "x" }],
  ])("no new transaction: %s", async (_, extras, args) => {
    await close();
    const traces = await books.traces();
    expect(
      await books.createRefused(move("alice", "bob", 1, extras), { ...args, ...inside }),
    ).toMatchObject(PER);
    expect(await books.traces()).toEqual(traces);
    await books.create(move("alice", "bob", 1, extras), { ...args, ...outside });
  });

  test("an account's limit comes later", async () => {
    await books.open("limited", { balance_min: 0 });
    await close();
    expect(await books.createRefused(move("limited", "bob", 1), inside)).toMatchObject(PER);
    expect(await books.createRefused(move("limited", "bob", 1), outside)).toMatchObject({
      code: "LDLIM",
    });
  });

  test("a replay stays one", async () => {
    const args = { idempotency_key: "k", ...inside };
    const made = await books.create(move("alice", "bob", 1), args);
    await close();
    expect(await books.create(move("alice", "bob", 1), args)).toMatchObject({
      transaction_id: made["transaction_id"],
      replayed: true,
    });
  });

  test("pending entries are posted as they were created, archived, and expire", async () => {
    const all = [await pending(), await pending(), await pending(), await pending()];
    const lapsing = await pending({ ...inside, expires_at: "2100-01-01" });
    await books.lapse(lapsing);
    await close();
    expect(await books.post(all[0]!)).toMatchObject({ status: "posted" });
    expect(await books.post(all[1]!, inside)).toMatchObject({ status: "posted" });
    expect(await books.archive(all[2]!)).toMatchObject({ status: "archived" });
    await books.update(all[3]!, { description: "still there", ...inside });
    await books.look("select daybook_private.expire_transactions(10)");
    expect(await books.transaction(lapsing["transaction_id"])).toMatchObject({
      archived_reason: "expired",
    });
    expect(await books.violations()).toEqual([]);
  });

  test.each(["post_transaction", "update_transaction"])(
    "%s writes no other entries, but moves them out of it",
    async (name) => {
      const hold = await pending();
      await close();
      const entries = move("alice", "carol", 5);
      expect(await refusal(name, hold, { entries })).toMatchObject(PER);
      expect(await refusal(name, hold, { effective_at: "2025-12-01T00:00:00Z" })).toMatchObject(
        PER,
      );
      await books.call(name, {
        transaction_id: hold["transaction_id"],
        entries,
        ...outside,
      });
      expect(await books.violations()).toEqual([]);
    },
  );

  test.each(["post_transaction", "update_transaction"])(
    "%s moves nothing into it",
    async (name) => {
      const hold = await pending(outside);
      await close();
      expect(await refusal(name, hold, inside)).toMatchObject(PER);
      await books.call(name, {
        transaction_id: hold["transaction_id"],
        effective_at: "2026-03-01T00:00:00Z",
      });
    },
  );

  test("a part is posted outside of it only", async () => {
    const hold = await pending();
    await close();
    const entries = move("alice", "bob", 10);
    expect(await refusal("partially_post_transaction", hold, { entries })).toMatchObject(PER);
    await books.postPart(hold, entries, outside);
    expect(await books.violations()).toEqual([]);
  });

  test("a reversal needs a time of its own, as the hint says", async () => {
    const made = await books.create(move("alice", "bob", 1), inside);
    await close();
    const refused = await refusal("reverse_transaction", made);
    expect(refused).toMatchObject(PER);
    expect(refused.hint).toMatch(/effective_at/);
    await books.call("reverse_transaction", {
      transaction_id: made["transaction_id"],
      ...outside,
    });
  });

  test("of a transfer each ledger's period counts", async () => {
    await books.be("test_admin");
    await books.call("create_ledger", { ledger: "other" });
    await books.call("grant_ledger_access", {
      ledger: "other",
      role: "test_writer",
      access: "write",
    });
    for (const address of ["alice", "clearing"])
      await books.call("open_account", { ledger: "other", address, currency: "USD" });
    await books.be("test_writer");
    await books.open("limited", { balance_min: 0 });
    const transfer = (args: object) =>
      books.query(
        `select daybook.transfer_between_ledgers($1, $2, $3, $4, 1, $5, $6, $7)`,
        Object.values({
          from_ledger: "main",
          from: "limited",
          to_ledger: "other",
          to: "alice",
          from_clearing: "bob",
          to_clearing: "clearing",
          ...inside,
          ...args,
        }),
      );
    const code = async (args: object) => (await books.refused(() => transfer(args))).code;
    expect(await code({})).toBe("LDLIM");
    await books.call("close_period", { ledger: "other", until: END });
    expect(await code({})).toBe("LDPER");
    expect(await code(outside)).toBe("LDLIM");
    await books.call("reopen_period", { ledger: "other", until: "2000-01-01" });
    await close();
    expect(await code({})).toBe("LDPER");
    await transfer({ from: "carol", ...outside });
    await transfer({ from: "carol", effective_at: null });
  });

  test("a queued transaction is judged when it is applied, by when it was accepted", async () => {
    const enqueue = async (idempotency_key: string, args: object = {}) =>
      (await books.enqueue({ entries: move("alice", "bob", 1), idempotency_key, ...args }))[0]!;
    const refused = [await enqueue("given", inside), await enqueue("implied")];
    await books.query("select daybook.close_period('main', clock_timestamp())");
    const later = await enqueue("later");
    await books.drain();
    for (const receipt of refused) {
      expect(await books.receipt(receipt)).toMatchObject({
        state: "refused",
        error_code: "LDPER",
      });
    }
    expect(await books.receipt(later)).toMatchObject({ state: "applied" });
  });
});

describe("in a batch", () => {
  const members = Array.from({ length: 60 }, (_, n) => ({
    entries: move("alice", "bob", n + 1, n % 7 === 0 ? { available_balance: { gte: -1e6 } } : {}),
    ...(n % 5 === 0 ? inside : n % 5 === 1 ? outside : {}),
    ...(n % 3 === 0 ? { status: "pending", idempotency_key: `k${n}` } : {}),
  }));

  test("each member is judged by its own time", async () => {
    await close();
    const results = await books.all("create_transactions", { transactions: members });
    expect(results.map((row) => row["error_code"])).toEqual(
      members.map((_, n) => (n % 5 === 0 ? "LDPER" : null)),
    );
    expect(await books.violations()).toEqual([]);
  });

  test("none is refused when all are outside", async () => {
    await close("2025-12-31T23:59:59Z");
    const results = await books.all("create_transactions", { transactions: members });
    expect(results.every((row) => row["error_code"] === null)).toBe(true);
  });

  test("an atomic one raises the first", async () => {
    await close();
    const traces = await books.traces();
    expect(
      await books.refusal("create_transactions", { transactions: members.slice(1), atomic: true }),
    ).toMatchObject({ code: "LDPER", detail: { index: 5 } });
    expect(await books.traces()).toEqual(traces);
  });

  test("replays are replays", async () => {
    const keyed = members.map((member, n) => ({ ...member, idempotency_key: `k${n}` }));
    await books.all("create_transactions", { transactions: keyed });
    await close();
    const results = await books.all("create_transactions", { transactions: keyed });
    expect(results.every((row) => row["replayed"] === true)).toBe(true);
  });
});
