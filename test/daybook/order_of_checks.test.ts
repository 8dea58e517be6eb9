import { expect, test } from "@jest/globals";
import { credit, debit, move, useBooks, type Entry, type Row } from "../support/use-books.ts";

/*
 * Of several things that are wrong with a call that changes a pending transaction, the first in the
 * contract's order is raised. Here a call has any two of them, and all from one on.
 */
let hold: Row;
let posted: Row;
const books = useBooks(async ({ open, call, create }) => {
  await open("closed");
  await open("limited", { balance_min: 0 });
  await call("close_account", { address: "closed" });
  await call("close_period", { until: "2001-01-01T00:00:00Z" });
  hold = await create(move("alice", "bob", 100), { status: "pending" });
  posted = await create(move("alice", "bob", 1), { idempotency_key: "used", external_id: "taken" });
});

/** LEFT: more than is left of what is pending, which is known when the transaction is. */
const CODES: Record<string, string> = { LEFT: "LDAMT" };
const ORDERS = {
  post_transaction:
    "42501 LDARG LDISO LDIDM LDAMT LDLED LDACC LDTXN LDUNB LDSTA LDCLS LDPER LDVER LDBAL LDLIM",
  update_transaction:
    "42501 LDARG LDISO LDIDM LDAMT LDLED LDACC LDTXN LDUNB LDSTA LDCLS LDPER LDVER LDBAL LDLIM",
  partially_post_transaction:
    "42501 LDARG LDISO LDIDM LDAMT LDLED LDACC LDTXN LDUNB LDEXT LDSTA LEFT LDPER LDVER LDBAL",
  archive_transaction: "42501 LDARG LDISO LDIDM LDLED LDTXN LDSTA LDVER",
};

const LINES: Record<string, Entry[]> = {
  LDAMT: [debit("alice", "0.5")],
  LDACC: move("nobody", "bob", 1),
  LDUNB: [debit("alice", 3)],
  LDCLS: [credit("closed", 1), debit("alice", 1)],
  LEFT: move("alice", "bob", 1_000),
  LDBAL: move("alice", "bob", 1, { posted_balance: { gte: 1_000_000 } }),
  LDLIM: [debit("limited", 1), credit("bob", 1)],
};

/** Arguments in which all this is wrong; what comes last weighs most, so lines stand in the opposite order. */
function wrong(name: string, faults: string[]): object {
  const has = (fault: string) => faults.includes(fault);
  const lines = faults.toReversed().flatMap((fault) => LINES[fault] ?? []);
  return {
    transaction_id: has("LDTXN")
      ? "00000000-0000-7000-8000-000000000000"
      : (has("LDSTA") ? posted : hold)["transaction_id"],
    // A key is known in its ledger only.
    ledger: has("LDLED") && !has("LDIDM") ? "none" : "main",
    idempotency_key: has("LDIDM") ? "used" : undefined,
    external_id: has("LDEXT") ? "taken" : undefined,
    effective_at: has("LDPER") ? "2000-12-31T23:59:59Z" : undefined,
    expected_version: has("LDARG") ? 0 : has("LDVER") ? 9 : undefined,
    entries: name === "archive_transaction" ? undefined : [...lines, ...move("alice", "bob", 1)],
  };
}

async function raised(name: string, faults: string[]): Promise<string> {
  const isolation = faults.includes("LDISO") ? "repeatable read" : "read committed";
  await books.query("rollback");
  await books.be(faults.includes("42501") ? "test_reader" : "test_admin");
  await books.query(`begin isolation level ${isolation}`);
  const { code } = await books.refusal(name, wrong(name, faults));
  await books.be("test_writer");
  return code;
}

const LOCK = "array[row('none', daybook.gte(0), null, null)::daybook.category_lock_input]";
const underLock = (id: unknown, more = "") =>
  books.refused(() =>
    books.query(
      `select daybook.update_transaction('main', $1, description => 'd', category_locks => ${LOCK}${more})`,
      [id],
    ),
  );

test("category locks where the arguments say that no entry changes: before all that is looked up", async () => {
  const idle = { code: "LDARG", detail: { argument: "category_locks" } };
  const pending = hold["transaction_id"];
  expect(await underLock(pending)).toMatchObject(idle);
  expect(await underLock("00000000-0000-7000-8000-000000000000")).toMatchObject(idle);
  expect(await underLock(posted["transaction_id"])).toMatchObject(idle);
  expect(await underLock(pending, ", expected_version => 9")).toMatchObject(idle);
  expect(await underLock(pending, ", idempotency_key => 'used'")).toMatchObject(idle);
  const moved = await underLock(pending, ", effective_at => '2001-12-31'");
  expect(moved).toMatchObject({ code: "LDCTG" });
});

test.each(Object.entries(ORDERS))("%s", async (name, order) => {
  const faults = order.split(" ");
  const found: string[] = [];
  const expected: string[] = [];
  const meet = async (...met: string[]) => {
    expected.push(`${met.join(" ")}: ${CODES[met[0]!] ?? met[0]}`);
    found.push(`${met.join(" ")}: ${await raised(name, met)}`);
  };
  for (const [n, first] of faults.entries()) {
    const rest = faults.slice(n + 1);
    await meet(first, ...rest);
    for (const second of rest) await meet(first, second);
  }
  expect(found).toEqual(expected);
});
