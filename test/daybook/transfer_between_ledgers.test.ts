import { describe, expect, test } from "@jest/globals";
import { useBooks, type Row } from "../support/use-books.ts";

/** Beside `main` a ledger `second` with `dora`, and in both a clearing account for the other. */
const books = useBooks(async ({ be, call, open }) => {
  await be("test_admin");
  for (const ledger of ["second", "third"]) await call("create_ledger", { ledger });
  await call("grant_ledger_access", { role: "test_writer", ledger: "second", access: "write" });
  await call("grant_ledger_access", { role: "test_writer", ledger: "third", access: "read" });
  await open("to:second");
  await open("to:second:euro", { currency: "EUR" });
  for (const address of ["dora", "elsa"]) await open(address, { ledger: "second" });
  await open("to:main", { ledger: "second", normal_balance: "debit" });
  await open("to:main:euro", { ledger: "second", currency: "EUR", normal_balance: "debit" });
});

const TRANSFER = {
  from_ledger: "main",
  from_account: "alice",
  to_ledger: "second",
  to_account: "dora",
  amount: 70,
  from_clearing_account: "to:second",
  to_clearing_account: "to:main",
};
const BACK = {
  from_ledger: "second",
  from_account: "dora",
  to_ledger: "main",
  to_account: "alice",
  amount: 70,
  from_clearing_account: "to:main",
  to_clearing_account: "to:second",
};
// The helpers name a ledger in every call; this function has two of its own.
const call = (args: object = {}) =>
  books.call("transfer_between_ledgers", { ledger: undefined, ...TRANSFER, ...args });
const refusal = (args: object = {}) =>
  books.refusal("transfer_between_ledgers", { ledger: undefined, ...TRANSFER, ...args });
const row = (id: unknown) => books.transaction(id);

const LINES = `
  select a.ledger, a.address, e.direction::text, e.amount::int
    from daybook.current_entries e join daybook.accounts a on a.ledger = e.ledger and a.id = e.account_id
   where e.transaction_id = $1 order by e.position`;
const linesOf = async (id: unknown) =>
  (await books.query(LINES, [id])).map((line) => Object.values(line));

async function halves(result: Row): Promise<[Row, Row]> {
  const from = await row(result["transaction_id"]);
  return [from, await row(from["counterpart_transaction_id"])];
}

test.each([
  ["forth", TRANSFER],
  ["and back, against the order of the ledgers' names", BACK],
])("two transactions that name each other: %s", async (_name, given) => {
  const at = { description: "rent", metadata: { a: 1 } };
  const result = await call({ ...given, ...at });
  expect(result).toMatchObject({
    ledger: given.from_ledger,
    status: "posted",
    version: 1,
    replayed: false,
  });
  const [from, to] = await halves(result);
  expect(from).toMatchObject({ ledger: given.from_ledger, counterpart_ledger: given.to_ledger });
  expect(to).toMatchObject({
    ledger: given.to_ledger,
    counterpart_ledger: given.from_ledger,
    counterpart_transaction_id: from["id"],
  });
  for (const half of [from, to])
    expect(half).toMatchObject({ status: "posted", version: 1, actor: "test_writer", ...at });
  const { from_ledger, to_ledger } = given;
  expect(await linesOf(from["id"])).toEqual([
    [from_ledger, given.from_account, "debit", 70],
    [from_ledger, given.from_clearing_account, "credit", 70],
  ]);
  expect(await linesOf(to["id"])).toEqual([
    [to_ledger, given.to_clearing_account, "debit", 70],
    [to_ledger, given.to_account, "credit", 70],
  ]);
});

test("both halves take effect at one time, by default when the first of them is made", async () => {
  for (const given of [TRANSFER, BACK]) {
    const [from, to] = await halves(await call(given));
    const first = from["ledger"] === "main" ? from : to;
    for (const half of [from, to]) expect(half["effective_at"]).toEqual(first["created_at"]);
    const [counted] = await books.query(
      "select count(distinct effective_at)::int as times from daybook.transactions where id in ($1, $2)",
      [from["id"], to["id"]],
    );
    expect(counted).toEqual({ times: 1 });
  }
  const effective_at = new Date("2020-01-01T00:00:00Z");
  for (const half of await halves(await call({ effective_at })))
    expect(half).toMatchObject({ effective_at });
});

test("an amount written with zeros behind the point is the same amount", async () => {
  const { transaction_id } = await call({ amount: "70.00" });
  expect((await linesOf(transaction_id))[0]).toEqual(["main", "alice", "debit", 70]);
});

test("one half alone is not reversed", async () => {
  for (const half of await halves(await call())) {
    const { id: transaction_id, ledger } = half;
    expect(await books.refusal("reverse_transaction", { transaction_id, ledger })).toMatchObject({
      code: "LDSTA",
      detail: {
        status: "between_ledgers",
        counterpart_ledger: half["counterpart_ledger"],
        counterpart_transaction_id: half["counterpart_transaction_id"],
      },
    });
  }
});

test("the log of each ledger says what it is, and where the other half is", async () => {
  for (const half of await halves(await call())) {
    const { id, counterpart_ledger, counterpart_transaction_id } = half;
    const log = await books.query("select * from daybook.log where transaction_id = $1", [id]);
    expect(log).toMatchObject([
      {
        kind: "transfer_between_ledgers",
        ledger: half["ledger"],
        data: { counterpart_ledger, counterpart_transaction_id },
      },
    ]);
  }
});

describe("with an idempotency key", () => {
  const key = { idempotency_key: "t" };

  test("a repeated call returns what the first returned", async () => {
    const first = await call({ ...key, metadata: { a: 1 } });
    await books.call("close_account", { address: "alice" });
    const traces = await books.traces();
    const again = await call({ ...key, amount: "70.0", metadata: { a: 1.0 } });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await books.traces()).toEqual(traces);
  });

  test("it lives in from_ledger alone", async () => {
    await call(key);
    const elsewhere = await books.create(
      [
        { account: "dora", direction: "debit", amount: 1 },
        { account: "elsa", direction: "credit", amount: 1 },
      ],
      { ...key, ledger: "second" },
    );
    expect(elsewhere).toMatchObject({ replayed: false });
    expect(
      await books.createRefused(
        [
          { account: "alice", direction: "debit", amount: 1 },
          { account: "bob", direction: "credit", amount: 1 },
        ],
        key,
      ),
    ).toMatchObject({ code: "LDIDM", detail: { operation: "transfer_between_ledgers" } });
  });

  test.each<[object]>([
    [{ amount: 71 }],
    [{ from_account: "bob" }],
    [{ to_account: "elsa" }],
    [{ from_clearing_account: "carol" }],
    [{ to_clearing_account: "elsa" }],
    [{ effective_at: new Date("2020-01-01T00:00:00Z") }],
    [{ description: "d" }],
    [{ metadata: {} }],
  ])("%j is another request", async (args) => {
    await call(key);
    expect(await refusal({ ...key, ...args })).toMatchObject({ code: "LDIDM" });
  });

  test("a refused call stores nothing", async () => {
    const traces = await books.traces();
    await refusal({ ...key, to_account: "nobody" });
    expect(await books.traces()).toEqual(traces);
    expect(await call(key)).toMatchObject({ replayed: false });
  });
});

test("limits of either side refuse both halves", async () => {
  for (const [ledger, address] of [
    ["main", "alice"],
    ["second", "dora"],
  ]) {
    const limits = ledger === "main" ? { balance_min: 0 } : { balance_max: 10 };
    await books.query("savepoint limits");
    await books.call("set_account_limits", { ledger, address, ...limits });
    const traces = await books.traces();
    expect(await refusal()).toMatchObject({ code: "LDLIM", detail: { account: address } });
    expect(await books.traces()).toEqual(traces);
    await books.query("rollback to savepoint limits");
  }
});

test("a closed account of either ledger comes before a limit of either", async () => {
  await books.call("set_account_limits", { address: "alice", balance_min: 0 });
  await books.call("close_account", { ledger: "second", address: "dora" });
  expect(await refusal()).toMatchObject({ code: "LDCLS", detail: { account: "dora" } });
  await books.call("close_account", { address: "to:second" });
  expect(await refusal()).toMatchObject({ code: "LDCLS", detail: { account: "to:second" } });
});

test("LDACC lists all missing addresses, and the ledger of each", async () => {
  expect(await refusal({ from_clearing_account: "x", to_account: "y" })).toMatchObject({
    code: "LDACC",
    detail: { accounts: ["x", "y"], ledgers: ["main", "second"] },
  });
  // An account of the other ledger is none of this one.
  expect(await refusal({ to_account: "alice" })).toMatchObject({
    code: "LDACC",
    detail: { accounts: ["alice"], ledgers: ["second"] },
  });
});

test("LDCUR says which account has which currency", async () => {
  const refused = await refusal({ to_clearing_account: "to:main:euro" });
  expect(refused).toMatchObject({ code: "LDCUR" });
  expect(refused.detail["accounts"]).toEqual([
    { ledger: "main", account: "alice", currency: "USD" },
    { ledger: "main", account: "to:second", currency: "USD" },
    { ledger: "second", account: "to:main:euro", currency: "EUR" },
    { ledger: "second", account: "dora", currency: "USD" },
  ]);
  const euros = { from_clearing_account: "to:second:euro", from_account: "euro" };
  expect(await refusal(euros)).toMatchObject({ code: "LDCUR" });
});

test("above READ COMMITTED it is accepted unless an account waits, as create_transaction is", async () => {
  await books.query("commit");
  await books.query("begin isolation level repeatable read");
  expect(await call()).toMatchObject({ status: "posted" });
  await books.query("rollback");
  await books.query("begin");
  await books.call("set_account_limits", { ledger: "second", address: "dora", balance_max: 1000 });
  await books.query("commit");
  await books.query("begin isolation level repeatable read");
  expect(await refusal({ to_clearing_account: "nobody" })).toMatchObject({ code: "LDISO" });
  await books.query("rollback");
  await books.query("begin");
  await books.call("set_account_limits", { ledger: "second", address: "dora" });
  await books.query("commit");
  await books.query("begin");
});

test.each<[string, object, string]>([
  ["LDARG", { from_ledger: null }, "ledger"],
  ["LDARG", { to_ledger: null }, "ledger"],
  ["LDARG", { to_ledger: "main" }, "to_ledger"],
  ["LDARG", { from_account: null }, "from_account"],
  ["LDARG", { from_account: "a b" }, "from_account"],
  ["LDARG", { to_account: null }, "to_account"],
  ["LDARG", { amount: null }, "amount"],
  ["LDARG", { from_clearing_account: null }, "from_clearing_account"],
  ["LDARG", { from_clearing_account: "alice" }, "from_clearing_account"],
  ["LDARG", { to_clearing_account: "" }, "to_clearing_account"],
  ["LDARG", { to_clearing_account: "dora" }, "to_clearing_account"],
  ["LDARG", { effective_at: "-infinity" }, "effective_at"],
  ["LDARG", { idempotency_key: "" }, "idempotency_key"],
  ["LDARG", { description: "\n" }, "description"],
  ["LDARG", { metadata: "x", amount: -1 }, "metadata"],
  ["LDAMT", { amount: 0 }, ""],
  ["LDAMT", { amount: -1, to_account: "nobody" }, ""],
  ["LDAMT", { amount: "0.5" }, ""],
  ["LDAMT", { amount: "1e36" }, ""],
  ["LDAMT", { amount: "NaN" }, ""],
  ["LDLED", { from_ledger: "none" }, ""],
  ["LDLED", { to_ledger: "none", from_account: "nobody" }, ""],
])("%s for %j", async (code, args, argument) => {
  await books.be("test_admin");
  const traces = await books.traces();
  const refused = await refusal(args);
  expect(refused).toMatchObject({ code, ...(argument && { detail: { argument } }) });
  expect(await books.traces()).toEqual(traces);
});

const verify = async (ledger: string) => {
  await books.be("test_admin");
  const found = await books.all("verify_transactions", { ledger });
  await books.be("test_writer");
  return found;
};
const corrupt = (sql: string) =>
  books.look(
    `set local session_replication_role = replica; ${sql}; set local session_replication_role = origin`,
  );
const remove = async ({ id }: Row) => {
  await corrupt(`delete from daybook.entries where transaction_id = '${id}'`);
  await corrupt(`delete from daybook.transactions where id = '${id}'`);
};

describe("verify_transactions", () => {
  const MISSING = "transfer without its other half";
  const DIFFERENT = "halves of a transfer differ";

  test("finds nothing wrong with what transfers make", async () => {
    for (const given of [TRANSFER, BACK]) await call({ ...given, description: "rent" });
    for (const ledger of ["main", "second"]) expect(await verify(ledger)).toEqual([]);
    expect(await books.violations()).toEqual([]);
  });

  test("misses the other half, in either ledger", async () => {
    for (const gone of [0, 1]) {
      await books.query("savepoint whole");
      const both = await halves(await call());
      const half = both[1 - gone]!;
      await remove(both[gone]!);
      const { ledger, id, counterpart_ledger, counterpart_transaction_id } = half;
      const facts = { counterpart_ledger, counterpart_transaction_id, differing: [] };
      expect(await verify(ledger as string)).toEqual([
        { violation: MISSING, ledger, subject: id, facts },
      ]);
      await books.query("rollback to savepoint whole");
    }
  });

  test.each<[string, string, string[]?]>([
    ["counterpart_transaction_id = null", MISSING],
    ["counterpart_transaction_id = uuidv7()", MISSING],
    ["counterpart_ledger = 'third'", MISSING],
    ["effective_at = now() + interval '1 day'", DIFFERENT, ["effective_at"]],
    ["description = 'rent'", DIFFERENT, ["description"]],
    ["status = 'pending', version = 2", DIFFERENT, ["status"]],
  ])("tells of a half whose other one was changed: %s", async (set, violation, differing = []) => {
    const [from, to] = await halves(await call());
    await corrupt(`update daybook.transactions set ${set} where id = '${to["id"]}'`);
    expect(await verify("main")).toMatchObject([
      { violation, subject: from["id"], facts: { differing } },
    ]);
    expect((await verify("second")).map((told) => told["violation"])).toContain(violation);
  });

  test.each(["amount = 71", "currency = 'EUR'"])("and of other entries: %s", async (set) => {
    const [from, to] = await halves(await call());
    await corrupt(`update daybook.entries set ${set} where transaction_id = '${to["id"]}'`);
    expect(await verify("main")).toMatchObject([
      { violation: DIFFERENT, subject: from["id"], facts: { differing: ["entries"] } },
    ]);
  });

  test("does not compare entries that are detached", async () => {
    const [, to] = await halves(await call());
    await corrupt(`delete from daybook.entries where transaction_id = '${to["id"]}'`);
    expect(await verify("main")).toEqual([]);
  });

  test("does not miss what stayed where an imported ledger came from, but what came later", async () => {
    const [, stayed] = await halves(await call());
    await books.look(
      `select daybook_private.log_event('*', 'restore_ledger', '{"ledger": "main"}')`,
    );
    await remove(stayed);
    expect(await verify("main")).toEqual([]);
    const [later, gone] = await halves(await call());
    await remove(gone);
    expect(await verify("main")).toMatchObject([{ violation: MISSING, subject: later["id"] }]);
  });
});

describe("42501", () => {
  test("unless the caller may write in both ledgers, whether they exist or not", async () => {
    for (const ledger of ["third", "none"])
      for (const side of ["from_ledger", "to_ledger"])
        expect(await refusal({ [side]: ledger })).toMatchObject({
          code: "42501",
          detail: { ledger },
        });
  });

  test("for a replay too", async () => {
    const key = { idempotency_key: "t" };
    await call(key);
    await books.be("test_admin");
    const revoked = { role: "test_writer", ledger: "second" };
    await books.call("revoke_ledger_access", revoked);
    await books.be("test_writer");
    expect(await refusal(key)).toMatchObject({ code: "42501" });
  });

  test("for a reader", async () => {
    await books.be("test_reader");
    expect(await refusal()).toMatchObject({ code: "42501" });
  });
});
