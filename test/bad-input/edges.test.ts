import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Client } from "pg";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { callOf, readContract, type Signature } from "./calls.ts";
import { rehearse } from "./outcome.ts";
import { edgesOf, type Composites } from "./values.ts";
import { makeWorld, type Known } from "./world.ts";

/* Every argument of every function at every edge of its type, not left to luck. */

let database: TestDatabase;
let client: Client;
let known: Known;
let signatures: Signature[];
let types: Composites;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connectAs("test_admin");
  known = await makeWorld(database, client);
  ({ signatures, types } = await readContract(database.pool));
});
afterAll(() => database?.drop());

const problems: string[] = [];
/** Carries out a call and writes down what is wrong with its outcome; gives its SQLSTATE. */
async function attempt(sql: string): Promise<string | null> {
  const { code, problem } = await rehearse(client, known, sql);
  if (problem) problems.push(`${problem}: ${sql.slice(0, 1000)}`);
  return code;
}

test("each function has a call here that is accepted, so that what is odd meets more than the first check", async () => {
  const refused = [];
  for (const signature of signatures) {
    const code = await attempt(callOf(signature));
    if (code) refused.push(signature.name);
  }
  expect(refused).toEqual([]);
  expect(signatures.length).toBeGreaterThan(50);
});

/** Codes of odd values as such, whatever else the call says. */
const IS_ODD = ["LDARG", "LDAMT", "LDUNB"];

/** Numbers and times with which sums, differences and intervals leave their type. */
const EXTREME =
  /^\((null|'?-?(9e131071|9223372036854775807|9223372036854775808|2147483647|2147483648)'?|-?1e36 [-+] 1|'(4714|294276).*)\)::/;

/** What has a call done in another way altogether: as a whole, not at all, or once for all … */
const WAYS: Record<string, string> = { boolean: "true", text: "'edge'" };
const waysOf = ({ args }: Signature) =>
  args
    .filter(({ name, type, optional }) => optional && (type === "boolean" || name === KEY))
    .map(({ name, type }): [string, string] => [name, WAYS[type]!]);
const KEY = "idempotency_key";

test("one argument is odd, or two that are sound alone", async () => {
  let calls = 0;
  for (const signature of signatures) {
    const sound: [name: string, value: string][] = [];
    for (const { name, type } of signature.args) {
      for (const value of [`(null)::${type}`, ...edgesOf(types, type)]) {
        calls += 1;
        const code = await attempt(callOf(signature, { [name]: value }));
        for (const [other, way] of waysOf(signature)) {
          calls += 1;
          await attempt(callOf(signature, { [other]: way, [name]: value }));
        }
        if (!IS_ODD.includes(code!) && EXTREME.test(value)) sound.push([name, value]);
      }
    }
    for (const [n, [name, value]] of sound.entries()) {
      for (const [other, second] of sound.slice(n + 1)) {
        if (other === name) continue;
        calls += 1;
        await attempt(callOf(signature, { [name]: value, [other]: second }));
      }
    }
  }
  expect(problems).toEqual([]);
  expect(calls).toBeGreaterThan(15_000);
}, 300_000);

const LOCKED_BY_NULL = `array[row(array[daybook.debit('alice', 1), daybook.credit('bob', 1)], null, null, null, null,
  null, null, array[null], null, null)]::daybook.transaction_input[]`;

test.each([
  ["22003", "verify_log", { from_no: "null", max_records: "9223372036854775807" }, null],
  ["22023", "restore_rows", { rows: "'[[]]'" }, "LDARG"],
  ["22023", "restore_rows", { rows: "'[null]'" }, "LDARG"],
  ["23502", "restore_rows", { rows: "'[{}]'" }, "LDARG"],
  ["22P02", "restore_rows", { part: "'block'", rows: `'[{"no": "x"}]'` }, "LDARG"],
  ["40001", "create_transactions", { transactions: LOCKED_BY_NULL }, null],
  ["a DETAIL of 6 MB", "grant_ledger_access", { role: "repeat('\\', 3000000)" }, "LDARG"],
  ["a DETAIL of 6 MB", "open_account", { currency: "repeat('\\', 3000000)" }, "LDCUR"],
  ["a DETAIL of 131 kB", "transfer_between_ledgers", { amount: "'-9e131071'" }, "LDAMT"],
])("found by looking at edges: %s of %s %j", async (_, name, replaced, code) => {
  const signature = signatures.find((one) => one.name === name)!;
  expect(await rehearse(client, known, callOf(signature, replaced))).toEqual({
    code,
    problem: null,
  });
});
