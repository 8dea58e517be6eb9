import type { Client } from "pg";

type Call = (text: string, values?: unknown[]) => Promise<string>;

/** What a ledger can hold that is awkward to write down: one of everything, in four currencies. */
export async function fillRichLedger(client: Client, ledger: string): Promise<void> {
  const call: Call = async (text, values = []) => {
    const { rows } = await client.query<{ id: string }>(
      `select to_jsonb(r) ->> 'transaction_id' as id from daybook.${text} r`,
      [ledger, ...values],
    );
    return rows[0]?.id ?? "";
  };
  await openAccounts(call);
  await postPlainly(call);
  await postThroughHolds(call);
  await changeAndUndo(call);
  await moveElsewhere(call);
}

async function openAccounts(call: Call): Promise<void> {
  await call("create_ledger($1, 'Books; of everything', '{\"n\": 1.10}')");
  for (const [address, currency, side] of [
    ["bank:cash", "USD", "debit"],
    ["users:alice", "USD", "credit"],
    ["users:alice:card", "USD", "credit"],
    ["users:bob", "USD", "credit"],
    ["yen:cash", "JPY", "debit"],
    ["yen:owed", "JPY", "credit"],
    ["dinar:cash", "BHD", "debit"],
    ["dinar:owed", "BHD", "credit"],
    ["points:given", "X_9", "debit"],
    ["points:owned", "X_9", "credit"],
    ["old", "USD", "credit"],
  ]) {
    await call("open_account($1, $2, $3, $4)", [address, currency, side]);
  }
}

const pair = (debited: string, credited: string, amount: string) =>
  `array[daybook.debit('${debited}', ${amount}), daybook.credit('${credited}', ${amount})]`;

async function postPlainly(call: Call): Promise<void> {
  const post = (entries: string, more = "") => call(`create_transaction($1, ${entries}${more})`);
  await post(
    pair("bank:cash", "users:alice", "100005"),
    ", description => 'rent; May | June, (paid)'",
  );
  await post(
    pair("bank:cash", "users:alice:card", "1"),
    ", description => '(7) * of seven', external_id => 'a, b;c:d'",
  );
  await post(
    pair("users:alice", "users:bob", "333"),
    ", effective_at => '1999-12-31 23:59:59.999999Z'",
  );
  await post(pair("users:bob", "users:alice", "3"), ", effective_at => '12024-02-29 12:00Z'");
  await post(
    pair("yen:cash", "yen:owed", "9007199254740993"),
    ", description => '! žluťoučký ; kůň  円'",
  );
  await post(pair("dinar:cash", "dinar:owed", "7"), ", effective_at => '2024-01-31 00:00+14'");
  await post(pair("points:given", "points:owned", `${"9".repeat(36)}`));
  await post(`array[daybook.debit('bank:cash', 250), daybook.credit('users:alice', 100),
    daybook.credit('users:alice', 150), daybook.debit('dinar:cash', 1000), daybook.credit('dinar:owed', 1000),
    daybook.debit('users:bob', 5), daybook.credit('users:bob', 5)]`);
}

async function postThroughHolds(call: Call): Promise<void> {
  const hold = (entries: string, more = "") =>
    call(`create_transaction($1, ${entries}, status => 'pending'${more})`);
  const asCreated = await hold(
    pair("users:alice", "bank:cash", "1000"),
    ", effective_at => '2023-05-01 10:00Z'",
  );
  await call("post_transaction($1, $2)", [asCreated]);
  const later = await hold(pair("users:alice", "bank:cash", "2000"), ", external_id => 'later'");
  await call("post_transaction($1, $2, effective_at => '2023-06-01')", [later]);
  const less = await hold(pair("users:alice", "bank:cash", "3000"));
  await call(`post_transaction($1, $2, ${pair("users:alice", "bank:cash", "2500")})`, [less]);
  const updated = await hold(pair("users:alice", "bank:cash", "400"));
  await call(
    `update_transaction($1, $2, ${pair("users:alice", "users:bob", "500")}, description => 'more')`,
    [updated],
  );
  const inParts = await hold(pair("users:alice", "bank:cash", "10000"));
  for (const amount of ["2500", "4500"]) {
    await call(`partially_post_transaction($1, $2, ${pair("users:alice", "bank:cash", amount)})`, [
      inParts,
    ]);
  }
  const toTheEnd = await hold(pair("users:alice", "bank:cash", "90"));
  await call(`partially_post_transaction($1, $2, ${pair("users:alice", "bank:cash", "90")})`, [
    toTheEnd,
  ]);
  await call("archive_transaction($1, $2)", [await hold(pair("users:alice", "bank:cash", "77"))]);
  await hold(pair("users:alice", "users:bob", "12"), ", expires_at => now() + interval '1 day'");
}

async function changeAndUndo(call: Call): Promise<void> {
  const wrong = await call(`create_transaction($1, ${pair("bank:cash", "users:bob", "4242")})`);
  await call('set_transaction_metadata($1, $2, \'{"why": "a, b", "n": 1.0}\')', [wrong]);
  await call('set_transaction_metadata($1, $2, \'{"who": "bob"}\')', [wrong]);
  await call("delete_transaction_metadata($1, $2, 'why')", [wrong]);
  const undone = await call("reverse_transaction($1, $2, description => 'undone')", [wrong]);
  await call("reverse_transaction($1, $2)", [undone]);
  await call(`create_transaction($1, array[
    daybook.debit('users:bob', 99999999, available_balance => daybook.gte(0)), daybook.credit('bank:cash', 99999999)],
    archive_on_lock_failure => true, description => 'declined')`);
  await call("set_account_limits($1, 'users:alice', 0, 100000000)");
  await call("set_account_limits($1, 'users:alice', 5, null)");
  await call("set_account_metadata($1, 'users:bob', '{\"vip\": true}')");
  await call("close_account($1, 'old')");
  await call("close_account($1, 'users:alice:card')");
  await call("reopen_account($1, 'users:alice:card')");
  await call("create_category($1, 'users', 'USD')");
  await call("create_category($1, 'people', 'USD', description => 'all of them')");
  await call("add_to_category($1, 'people', child_category => 'users')");
  await call("add_to_category($1, 'users', 'users:alice')");
  await call("add_to_category($1, 'users', 'users:bob')");
  await call("remove_from_category($1, 'users', 'users:bob')");
}

async function moveElsewhere(call: Call): Promise<void> {
  await call(`create_transactions($1, array(
    select row(${pair("bank:cash", "users:alice", "n")}, null, null, 'batch-' || n, null, null, null, null, null, null)::daybook.transaction_input
      from generate_series(1, 40) n))`);
  await call("open_account($1, 'clearing', 'USD')");
  await call("create_ledger($1 || '-abroad')");
  for (const address of ["clearing", "carl"]) {
    await call("open_account($1 || '-abroad', $2, 'USD')", [address]);
  }
  await call(
    "transfer_between_ledgers($1, 'users:alice', $1 || '-abroad', 'carl', 99, 'clearing', 'clearing')",
  );
  await call("close_period($1, '2001-01-01Z')");
}
