import { beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { useBooks } from "../support/use-books.ts";

/** What a caller may be told, whatever he sends: the contract's codes that single calls can raise. */
const CONTRACT =
  /^(42501|0A000|LD(ARG|ISO|IDM|AMT|LED|ACC|CTG|TXN|DUP|CUR|UNB|EXT|STA|CLS|PER|VER|BAL|LIM|CAT|CYC|RCP|QUE))$/;

let pendingId: string;
const books = useBooks(async ({ create, open, call }) => {
  const entries = [
    { account: "alice", direction: "debit" as const, amount: 5 },
    { account: "bob", direction: "credit" as const, amount: 5 },
  ];
  await open("limited", { balance_min: 0, balance_max: 10 });
  await open("closed");
  await call("close_account", { address: "closed" });
  for (const category of ["alice", "x"])
    await call("create_category", { category, currency: "USD" });
  pendingId = (await create(entries, { status: "pending" }))["transaction_id"];
  await create(entries, { idempotency_key: "k", external_id: "x" });
});

type Signature = { name: string; args: { name: string; type: string; optional: boolean }[] };
let signatures: Signature[] = [];
beforeAll(async () => {
  signatures = (await books.look(`
    select p.proname as name,
           jsonb_agg(jsonb_build_object('name', n, 'type', format_type(t, null),
             'optional', o > p.pronargs - p.pronargdefaults) order by o) as args
      from pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) with ordinality a (n, t, o)
     where p.pronamespace = 'daybook'::regnamespace and t is not null
     group by p.oid, p.proname order by 1`)) as Signature[];
});

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const anyText = fc
  .string({ unit: "binary", maxLength: 300 })
  .map((text) => text.replaceAll("\0", "").replace(/[\ud800-\udfff]/g, ""))
  .map(quoted);
const oneOf = (...values: string[]) => fc.constantFrom("null", ...values);

const text = fc.oneof(
  { weight: 6, arbitrary: oneOf("'alice'", "'bob'", "'limited'", "'closed'", "'new'", "'euro'") },
  {
    weight: 2,
    arbitrary: oneOf("'main'", "'USD'", "'k'", "'x'", "'*'", "'test_reader'", "'write'"),
  },
  { weight: 2, arbitrary: oneOf("''", "repeat('a', 300)", "repeat('é', 70000)", "E'a\\u0085'") },
  { weight: 1, arbitrary: anyText },
);
const numeric = fc.oneof(
  { weight: 4, arbitrary: oneOf("1", "1", "5", "5.00", "0", "-1") },
  { weight: 2, arbitrary: oneOf("'NaN'", "'Infinity'", "'-Infinity'", "1e36", "1e35", "0.1") },
  {
    weight: 1,
    arbitrary: oneOf("9e131071", "-9e131071", "1e-16383", "repeat('9', 131072)::numeric"),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String) },
);
const metadata = fc.oneof(
  oneOf("'{}'", "'[]'", "'null'", "'1'", "'\"x\"'", `jsonb_build_object('a', repeat('x', 70000))`),
  fc.jsonValue().map((value) => quoted(JSON.stringify(value).replaceAll("\\u0000", ""))),
);
const bigint = oneOf("0", "1", "-1", "9223372036854775807", "-9223372036854775808");
const integer = oneOf("0", "1", "2", "-1", "2147483647", "-2147483648");
const direction = fc.constantFrom("'debit'", "'credit'", "'debit'", "'credit'", "null");
const row = (type: string, ...fields: fc.Arbitrary<string>[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.tuple(...fields).map((f) => `row(${f.join(", ")})::${type}`) },
    { weight: 1, arbitrary: fc.constant(`null::${type}`) },
  );
const bounds = fc.oneof(
  { weight: 4, arbitrary: fc.constant("null") },
  { weight: 1, arbitrary: row("daybook.balance_bounds", ...Array(6).fill(numeric)) },
  { weight: 1, arbitrary: oneOf("daybook.gte(-9)", "daybook.lt(3)", "daybook.eq(0)") },
);
const boolean = oneOf("true", "false");
const timestamp = oneOf(
  "now()",
  "'infinity'",
  "'-infinity'",
  "'4713-01-01 BC'",
  "'294276-12-31'",
  "now() + interval '1 day'",
);
const entry = row(
  "daybook.entry_input",
  text,
  direction,
  numeric,
  bigint,
  bounds,
  bounds,
  bounds,
  boolean,
  fc.oneof({ weight: 3, arbitrary: fc.constant("null") }, metadata),
);
const plainPair = fc
  .tuple(fc.constantFrom("alice", "limited", "closed", "euro", "cash"), numeric, bounds)
  .map(
    ([account, amount, bound]) =>
      `daybook.debit('${account}', ${amount}, available_balance => ${bound}), daybook.credit('bob', ${amount})`,
  );
const account = row(
  "daybook.account_input",
  text,
  oneOf("'USD'", "'EUR'", "'X'"),
  direction,
  numeric,
  numeric,
  text,
  metadata,
);
const lock = row("daybook.category_lock_input", text, bounds, bounds, bounds);

/** An array in one of the shapes that SQL knows. */
const arrayOf = (type: string, element: fc.Arbitrary<string>) =>
  fc
    .tuple(
      fc.array(element, { maxLength: 4 }).map((elements) => elements.join(", ")),
      fc.constantFrom("plain", "plain", "plain", "shifted", "nested", "null"),
    )
    .map(([list, shape]) => {
      if (shape === "null") return "null";
      const plain = `array[${list}]::${type}[]`;
      if (shape === "nested" && list) return `array[${plain}, ${plain}]`;
      if (shape === "shifted" && list)
        return `('[0:' || cardinality(${plain}) - 1 || ']=' || ${plain}::text)::${type}[]`;
      return plain;
    });

const entries = fc.oneof(
  { weight: 3, arbitrary: plainPair.map((pair) => `array[${pair}]`) },
  { weight: 1, arbitrary: arrayOf("daybook.entry_input", entry) },
);
const status = oneOf("'pending'", "'posted'", "'archived'");
const categoryLocks = fc.oneof(
  { weight: 8, arbitrary: fc.constant("null") },
  { weight: 1, arbitrary: arrayOf("daybook.category_lock_input", lock) },
);
const mostlyNull = (value: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant("null") }, value);
const transaction = row(
  "daybook.transaction_input",
  entries,
  mostlyNull(status),
  mostlyNull(timestamp),
  mostlyNull(text),
  mostlyNull(text),
  mostlyNull(text),
  mostlyNull(metadata),
  categoryLocks,
  mostlyNull(boolean),
  mostlyNull(timestamp),
);

const uuid = () => oneOf("uuidv7()", "uuidv4()", quoted(pendingId));
const acknowledged = () => row("daybook.acknowledged_input", uuid(), integer, status, uuid(), text);

const BY_TYPE: Record<string, () => fc.Arbitrary<string>> = {
  text: () => text,
  numeric: () => numeric,
  jsonb: () => metadata,
  bigint: () => bigint,
  integer: () => integer,
  boolean: () => boolean,
  uuid,
  "timestamp with time zone": () => timestamp,
  "text[]": () => arrayOf("text", text),
  "numeric[]": () => arrayOf("numeric", numeric),
  "daybook.direction": () => direction,
  "daybook.transaction_status": () => status,
  "daybook.search_sort": () => oneOf("'effective_at'", "'created_at'", "'amount'"),
  "daybook.balance_bounds": () => bounds,
  "daybook.entry_input[]": () => entries,
  "daybook.account_input[]": () => arrayOf("daybook.account_input", account),
  "daybook.transaction_input[]": () => arrayOf("daybook.transaction_input", transaction),
  "daybook.category_lock_input[]": () => categoryLocks,
  "daybook.acknowledged_input[]": () => arrayOf("daybook.acknowledged_input", acknowledged()),
};

function callOf({ name, args }: Signature): fc.Arbitrary<string> {
  const values = args.map((arg) => {
    // Mostly the right ledger: elsewhere nothing happens. No grants: they would change what comes later.
    const any = BY_TYPE[arg.type]!();
    if (arg.name === "ledger")
      return fc.oneof({ weight: 12, arbitrary: fc.constant("'main'") }, any);
    return arg.optional ? mostlyNull(any) : any;
  });
  return fc
    .tuple(...values)
    .map(
      (list) =>
        `select * from daybook.${name}(${list.map((value, n) => `${args[n]!.name} => ${value}`).join(", ")})`,
    );
}

test("every type of argument is known to this test", () => {
  const types = new Set(signatures.flatMap(({ args }) => args.map(({ type }) => type)));
  expect([...types].filter((type) => !(type in BY_TYPE))).toEqual([]);
  expect(signatures.length).toBeGreaterThan(20);
});

/** Runs an SQL text and rolls it back; null when it was accepted. */
async function codeOf(sql: string): Promise<string | null> {
  await books.query("savepoint call");
  try {
    await books.query(sql);
    return null;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await books.query("rollback to savepoint call");
  }
}

test("whatever is sent, the answer is a result or an error of the contract", async () => {
  await books.be("test_admin");
  const accepted = new Map<string, number>();
  for (const signature of signatures) {
    // About one call of create_transaction in 25 is accepted: enough runs that luck does not decide.
    const runs =
      signature.name === "create_transaction"
        ? 1200
        : /transactions?$/.test(signature.name)
          ? 400
          : 60;
    const property = fc.asyncProperty(callOf(signature), async (sql) => {
      const code = await codeOf(sql);
      if (code === null) accepted.set(signature.name, (accepted.get(signature.name) ?? 0) + 1);
      else if (!CONTRACT.test(code)) throw new Error(`${code} is no code of the contract`);
    });
    await fc.assert(property, { numRuns: runs });
  }
  // The fuzz is worth something only if some calls get through.
  expect(accepted.get("create_transaction")).toBeGreaterThan(10);
});

test("nothing that garbage leaves behind breaks the books", async () => {
  await books.be("test_admin");
  const signature = signatures.find(({ name }) => name === "create_transaction")!;
  const property = fc.asyncProperty(callOf(signature), async (sql) => {
    await books.query("savepoint call");
    try {
      await books.query(sql);
    } catch {
      await books.query("rollback to savepoint call");
      return;
    }
    const wrong = await books.look(`
      select t.id from daybook.transactions t join daybook.entries e on (e.ledger, e.transaction_id) = (t.ledger, t.id)
       group by t.id, e.currency
      having sum(case e.direction when 'debit' then e.amount else -e.amount end) <> 0
      union all
      select c.account_id from daybook_private.account_counters c
        left join daybook.entries e on (e.ledger, e.account_id) = (c.ledger, c.account_id)
       group by c.ledger, c.account_id, c.posted_debits, c.lock_version
      having c.posted_debits <> coalesce(sum(e.amount) filter (where e.direction = 'debit' and e.effect in ('posted', 'settled')), 0)
          or c.lock_version <> count(e.id)`);
    expect(wrong).toEqual([]);
  });
  await fc.assert(property, { numRuns: 200 });
});
