import { beforeEach, expect, test } from "@jest/globals";
import { move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const keep = { archive_on_lock_failure: true };
const short = { available_balance: { gte: 0 } };
const attempt = move("alice", "bob", 5, short);

beforeEach(() => books.open("limited", { balance_min: 0 }));

test("a decline is kept as archived, with the error, and without entries", async () => {
  const before = await books.balance("alice");
  const result = await books.create(attempt, {
    ...keep,
    description: "d",
    metadata: { a: 1 },
    effective_at: "2020-01-01T00:00:00Z",
    external_id: "x",
  });
  expect(result).toMatchObject({
    status: "archived",
    version: 1,
    replayed: false,
    archived_reason: "balance_lock_failure",
    balances: null,
    error_code: "LDBAL",
    error_detail: { index: 1, account: "alice", balance: "available_balance", bound: "gte" },
  });
  expect(result["error_message"]).toMatch(/\w+ \w+/);
  const { transaction_id } = result;
  const row = await books.transaction(transaction_id);
  expect(row).toMatchObject({
    status: "archived",
    archived_reason: "balance_lock_failure",
    posted_at: null,
    description: "d",
    metadata: { a: 1 },
    effective_at: new Date("2020-01-01T00:00:00Z"),
  });
  expect(row["archived_at"]).toBeInstanceOf(Date);
  expect(await books.query("select * from daybook.entries")).toEqual([]);
  expect(await books.query("select * from daybook.current_entries")).toEqual([]);
  expect(await books.balance("alice")).toEqual(before);
});

test("a broken limit is kept too", async () => {
  const result = await books.create(move("limited", "bob", 5), { ...keep, status: "pending" });
  expect(result).toMatchObject({
    status: "archived",
    error_code: "LDLIM",
    error_detail: { limit: "balance_min", actual: "-5" },
  });
});

test("a success for its key: the replay returns the decline", async () => {
  const args = { ...keep, idempotency_key: "k" };
  const first = await books.create(attempt, args);
  await books.create(move("carol", "alice", 100));
  const traces = await books.traces();
  expect(await books.create(attempt, args)).toEqual({ ...first, replayed: true });
  expect(await books.traces()).toEqual(traces);
  expect(await books.createRefused(attempt, { idempotency_key: "k" })).toMatchObject({
    code: "LDIDM",
  });
});

test("it takes no external id", async () => {
  await books.create(attempt, { ...keep, external_id: "x" });
  expect(await books.create(move("alice", "bob", 1), { external_id: "x" })).toMatchObject({
    status: "posted",
  });
});

test("an external id that is taken is raised, though the balance would fail", async () => {
  await books.create(move("alice", "bob", 1), { external_id: "x" });
  expect(await books.createRefused(attempt, { ...keep, external_id: "x" })).toMatchObject({
    code: "LDEXT",
  });
});

test("LDVER wins when both fail, and is raised", async () => {
  expect(
    await books.createRefused(move("alice", "bob", 5, { ...short, lock_version: 7 }), keep),
  ).toMatchObject({ code: "LDVER" });
});

test.each<[string, string, ReturnType<typeof move>, object]>([
  ["LDARG", "a bad address", move("a b", "bob", 1, short), {}],
  ["LDAMT", "a bad amount", move("alice", "bob", 0, short), {}],
  ["LDACC", "an unknown account", move("alice", "nobody", 1, short), {}],
  [
    "LDUNB",
    "too little on one side",
    move("alice", "bob", 1, short)
      .slice(0, 1)
      .concat(move("alice", "bob", 1)),
    {},
  ],
])("%s is raised as ever: %s", async (code, _, entries, args) => {
  expect(await books.createRefused(entries, { ...keep, ...args })).toMatchObject({ code });
});

test("what succeeds is as without the flag", async () => {
  await books.create(move("carol", "alice", 5));
  expect(await books.create(attempt, keep)).toMatchObject({
    status: "posted",
    archived_reason: null,
    error_code: null,
  });
});

test("a decline is final", async () => {
  const { transaction_id } = await books.create(attempt, { ...keep, status: "pending" });
  for (const name of ["post_transaction", "archive_transaction"]) {
    expect(await books.refusal(name, { transaction_id })).toMatchObject({
      code: "LDSTA",
      detail: { status: "archived", archived_reason: "balance_lock_failure" },
    });
  }
});

test("what was asked stands in the log, with the refusal", async () => {
  const entries = move("alice", "bob", 5, { ...short, metadata: { a: null } });
  const { transaction_id } = await books.create(entries, { ...keep, external_id: "x" });
  expect(
    await books.query("select * from daybook.log where transaction_id = $1", [transaction_id]),
  ).toMatchObject([
    {
      kind: "create_transaction",
      actor: "test_writer",
      data: {
        external_id: "x",
        archive_on_lock_failure: true,
        error_code: "LDBAL",
        entries: [
          { account: "alice", amount: 5, available_balance: { gte: 0 }, metadata: { a: null } },
          { account: "bob", direction: "credit" },
        ],
      },
    },
  ]);
});

test("a dry run of a decline returns it without an id and keeps nothing", async () => {
  const traces = await books.traces();
  expect(await books.create(attempt, { ...keep, dry_run: true })).toMatchObject({
    status: "archived",
    transaction_id: null,
    error_code: "LDBAL",
  });
  expect(await books.traces()).toEqual(traces);
});
