import { expect, test } from "@jest/globals";
import { credit, debit, move, useBooks } from "../support/use-books.ts";

const books = useBooks();
const rehearse = { dry_run: true };

test.each<[string, object]>([
  ["posted", {}],
  ["pending", { status: "pending", external_id: "x", idempotency_key: "k" }],
])("a %s dry run returns the result without an id and keeps nothing", async (status, args) => {
  const traces = await books.traces();
  const result = await books.create(move("alice", "bob", 5, { lock_version: 0 }), {
    ...rehearse,
    ...args,
  });
  expect(result).toMatchObject({ status, version: 1, transaction_id: null, replayed: false });
  expect(await books.traces()).toEqual(traces);
});

test("the real call afterwards is the first one", async () => {
  const args = { idempotency_key: "k", external_id: "x" };
  await books.create(move("alice", "bob", 5), { ...args, ...rehearse });
  expect(await books.create(move("alice", "bob", 5), args)).toMatchObject({ replayed: false });
});

test("of a known key it is the replay, id included", async () => {
  const args = { idempotency_key: "k" };
  const first = await books.create(move("alice", "bob", 5), args);
  const traces = await books.traces();
  expect(await books.create(move("alice", "bob", 5), { ...args, ...rehearse })).toEqual({
    ...first,
    replayed: true,
  });
  expect(
    await books.createRefused(move("alice", "bob", 6), { ...args, ...rehearse }),
  ).toMatchObject({ code: "LDIDM" });
  expect(await books.traces()).toEqual(traces);
});

test.each([
  ["LDARG", move("a b", "bob", 1), {}],
  ["LDARG", move("alice", "bob", 1), { expires_at: "2000-01-01T00:00:00Z", status: "pending" }],
  ["LDAMT", move("alice", "bob", 0.5), {}],
  ["LDACC", move("alice", "nobody", 1), {}],
  ["LDUNB", [debit("alice", 1), credit("bob", 2)], {}],
  ["LDEXT", move("alice", "bob", 1), { external_id: "taken" }],
  ["LDCLS", move("alice", "closed", 1), {}],
  ["LDVER", move("alice", "bob", 1, { lock_version: 9 }), {}],
  ["LDBAL", move("alice", "bob", 99, { available_balance: { gte: 0 } }), {}],
  ["LDLIM", move("limited", "bob", 1), {}],
])("%s is raised as by the real call", async (code, entries, args) => {
  await books.open("closed");
  await books.call("close_account", { address: "closed" });
  await books.open("limited", { balance_min: 0 });
  await books.create(move("alice", "bob", 1), { external_id: "taken" });
  const real = await books.createRefused(entries, args);
  expect(await books.createRefused(entries, { ...args, ...rehearse })).toEqual(real);
  expect(real.code).toBe(code);
});
