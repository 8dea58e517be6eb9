/** A deliberate bug: a function of the ledger with another text. */
export type Mutation = {
  name: string;
  /** What is wrong with it, in a few words. */
  what: string;
  /** Of schema daybook_private, unless it says another. */
  function: string;
  /** What of its definition becomes what; each is there exactly once. */
  changes: [from: string, to: string][];
  /** Tests that are to catch it, beside the simulator. */
  tests: string[];
  /** How it is tortured: without a nemesis, if that is quicker. Null if it is not: clients cannot tell. */
  options?: string[] | null;
};

const KEY_FREE = `if found then
      return null;
    end if;`;

/** A fact of an account as its own row tells it, whose lock the statement that asks has to wait for. */
const besideLock = (column: string) =>
  `(select a.${column} from daybook.accounts a where a.ledger = apply_entries.ledger and a.id = line.account_id)`;

export const MUTATIONS: Mutation[] = [
  {
    name: "lock-order",
    what: "locked accounts are taken in the order of the request, not sorted",
    function: "order_lines",
    changes: [["case when l.any_locked then l.account_id end,", ""]],
    tests: ["test/concurrency/deadlocks"],
    options: ["--calm"],
  },
  {
    name: "unlocked-first",
    what: "unlocked entries are taken before locked ones",
    function: "order_lines",
    changes: [
      ["order by not l.any_locked,", "order by l.any_locked,"],
      [
        "if lines[1].locked then\n      return lines;",
        "if not lines[1].locked then\n      return lines;",
      ],
    ],
    tests: ["test/concurrency/deadlocks", "test/properties/histories"],
    options: ["--calm"],
  },
  {
    name: "pair-unlocked",
    what: "the fast way of a plain pair looks at the account before it holds it",
    function: "take_debit",
    changes: [["for no key update", ""]],
    tests: ["test/concurrency/folding"],
    options: ["--calm"],
  },
  {
    name: "pair-without-queue",
    what: "the fast way of a plain pair does not look at what is queued",
    function: "take_debit",
    changes: [
      [
        `and (select q.entry_id
            from daybook_private.entry_queue q
           where q.ledger = take_debit.ledger and q.account_id = taken.account_id
           order by q.entry_id
           limit 1) is null`,
        "",
      ],
    ],
    tests: ["test/concurrency/folding"],
    options: ["--calm"],
  },
  {
    name: "fold-without-lock",
    what: "the queue of an account is folded without its row's lock",
    function: "fold_account",
    changes: [["for no key update", ""]],
    tests: ["test/concurrency/folding"],
    options: ["--calm"],
  },
  {
    name: "judge-without-fold",
    what: "a locked entry is judged without what is queued for its account",
    function: "apply_entries",
    changes: [["if found or lines[2].locked then", "if false then"]],
    tests: ["test/concurrency/queue"],
    options: ["--calm"],
  },
  {
    name: "fold-by-old-snapshot",
    what: "what is queued is looked for before the account's lock is got, not after it",
    function: "apply_entries",
    changes: [
      [
        "BEGIN_OF_BODY",
        `begin
  perform from daybook_private.entry_queue q where q.ledger = apply_entries.ledger and q.account_id = lines[1].account_id;
  had_queue := found;`,
      ],
      ["  line daybook_private.line;\n", "  line daybook_private.line;\n  had_queue boolean;\n"],
      ["if found or lines[2].locked then", "if had_queue then"],
    ],
    tests: ["test/concurrency/folding"],
    options: ["--calm"],
  },
  {
    name: "skip-locked-entry",
    what: "a locked entry skips an account that somebody holds",
    function: "apply_entries",
    changes: [["for no key update)\n", "for no key update skip locked)\n"]],
    tests: ["test/concurrency/deadlocks"],
    options: ["--calm"],
  },
  {
    name: "bounds-is-not-null",
    what: "bounds are tested by `is not null`, which is false as soon as one of them is not given",
    function: "asks_lock",
    changes: [["not (entry.posted_balance is null)", "entry.posted_balance is not null"]],
    tests: ["test/daybook/create_transaction.bounds", "test/properties/histories"],
    options: ["--calm"],
  },
  {
    name: "key-not-awaited",
    what: "a call whose key somebody else has just taken goes on as if it were free",
    function: "claim_key",
    changes: [[KEY_FREE, "return null;"]],
    tests: ["test/concurrency/keys", "test/properties/histories"],
  },
  {
    name: "replay-untold",
    what: "a replay is not called one",
    function: "replay",
    changes: [["true, null, null, null, null, null)", "false, null, null, null, null, null)"]],
    tests: ["test/daybook/create_transaction.idempotency"],
  },
  {
    name: "category-unlocked",
    what: "categories are not locked before their balance is judged",
    function: "lock_categories",
    changes: [["for no key update", ""]],
    tests: ["test/concurrency/categories"],
    options: ["--calm"],
  },
  {
    name: "category-of-one",
    what: "only the categories with bounds are locked, not all that contain the accounts",
    function: "lock_categories",
    changes: [
      ["c.category = any (held)\n       order", "c.category = any (bounded)\n       order"],
    ],
    tests: ["test/concurrency/categories"],
    options: ["--calm"],
  },
  {
    name: "category-bound-ignored",
    what: "of two bounds on categories only the second is looked at",
    function: "broken_category",
    changes: [
      ["n := n + 1;", "n := n + 1; continue when n = 1 and cardinality(category_locks) > 1;"],
    ],
    tests: ["test/daybook/category_locks", "test/properties/histories"],
    options: ["--calm"],
  },
  {
    name: "category-queue-unread",
    what: "the balance of a category is read without what is queued for its accounts",
    function: "category_totals",
    changes: [["where q.ledger = category_totals.ledger and", "where false and"]],
    tests: ["test/daybook/category_balance"],
    options: ["--calm"],
  },
  {
    name: "account-unlocked",
    what: "limits, closings and metadata of an account are set without its row's lock",
    function: "lock_account",
    changes: [["for no key update", ""]],
    tests: ["test/concurrency/metadata"],
    options: ["--calm"],
  },
  {
    name: "closing-unlogged",
    what: "that an account was reopened is not logged",
    function: "set_account_closed",
    changes: [
      ["perform daybook_private.log_event(", "if closed then perform daybook_private.log_event("],
      ["null, account.id);\n  return account;", "null, account.id); end if;\n  return account;"],
    ],
    tests: ["test/daybook/reopen_account", "test/torture/kept"],
    options: ["--calm"],
  },
  {
    name: "transfer-halves-differ",
    what: "of a transfer between ledgers one more arrives than leaves",
    function: "daybook.transfer_between_ledgers",
    changes: [
      [
        "daybook.debit(to_clearing_account, amount)",
        "daybook.debit(to_clearing_account, amount + 1)",
      ],
      ["daybook.credit(to_account, amount)", "daybook.credit(to_account, amount + 1)"],
    ],
    tests: ["test/daybook/transfer_between_ledgers", "test/torture/kept"],
    options: ["--calm"],
  },
  {
    name: "transaction-unlocked",
    what: "a transaction is changed without its row's lock",
    function: "lock_transaction",
    changes: [["for no key update", ""]],
    tests: ["test/concurrency/lifecycle-pairs", "test/concurrency/reversals"],
    options: ["--calm"],
  },
  {
    name: "expiry-unlocked",
    what: "what has expired is archived without a lock",
    function: "expire_transactions",
    changes: [["for no key update skip locked", ""]],
    tests: ["test/concurrency/lifecycle-expiry"],
    options: ["--calm"],
  },
  {
    name: "limit-off-by-one",
    what: "a limit lets one minor unit too many through",
    function: "broken_limit",
    changes: [["if (low < line.balance_min or", "if (low < line.balance_min - 1 or"]],
    tests: ["test/daybook/create_transaction.limits"],
    options: ["--calm"],
  },
  {
    name: "version-unchecked",
    what: "the expected version of a transaction is not looked at",
    function: "check_version",
    changes: [["if expected_version <> pending.version then", "if false then"]],
    tests: ["test/properties/histories", "test/concurrency/lifecycle-pairs", "test/torture/kept"],
    options: ["--calm"],
  },
  {
    name: "queue-unread",
    what: "a balance is read without what is queued",
    function: "daybook.account_balance",
    changes: [
      [
        `and (select q.entry_id from daybook_private.entry_queue q
             where q.ledger = c.ledger and q.account_id = c.account_id
             order by q.entry_id
             limit 1) is null`,
        "",
      ],
    ],
    tests: ["test/daybook/queue", "test/concurrency/stress"],
    options: ["--calm"],
  },
  {
    name: "read-apart",
    what: "the counters and the queue of an account are read by two statements",
    function: "daybook.account_balance",
    changes: [
      [" STABLE ", " VOLATILE "],
      ["and c.drifted_at is null\n", "and false\n"],
      [
        `select b.* into balance
      from daybook.balances b
     where b.ledger = account_balance.ledger and b.account = account_balance.account;`,
        `select c.ledger, c.address, c.account_id, c.currency, c.currency_exponent, c.normal_balance,
           c.lock_version, c.pending_debits, c.pending_credits, 0, c.posted_debits, c.posted_credits, 0, 0
      into balance from daybook_private.account_counters c
     where c.ledger = account_balance.ledger and c.address = account_balance.account;
    select balance.lock_version + count(*),
           balance.pending_debits + coalesce(sum(q.pending_debits), 0), balance.pending_credits + coalesce(sum(q.pending_credits), 0),
           balance.posted_debits + coalesce(sum(q.posted_debits), 0), balance.posted_credits + coalesce(sum(q.posted_credits), 0)
      into balance.lock_version, balance.pending_debits, balance.pending_credits, balance.posted_debits, balance.posted_credits
      from daybook_private.entry_queue q
     where q.ledger = account_balance.ledger and q.account_id = balance.account_id;`,
      ],
    ],
    tests: ["test/concurrency/folding", "test/tidy"],
    options: ["--calm"],
  },
  {
    name: "part-kept",
    what: "a partial posting leaves the hold as it was",
    function: "partial_lines",
    changes: [["least(l.amount, p.amount -", "least(l.amount - 1, p.amount -"]],
    tests: ["test/properties/histories", "test/daybook/partially_post_transaction"],
    options: ["--calm"],
  },
  {
    name: "detached-untold",
    what: "balances that need entries of a detached month are told without them",
    function: "refuse_detached",
    changes: [["if until is not null then", "if false then"]],
    tests: ["test/daybook/detach_month"],
    options: ["--evil", "old months"],
  },
  {
    name: "search-indexed-only",
    what: "a search leaves out what the worker has not indexed yet",
    function: "search_page",
    changes: [["if changed <> '{}' then", "if false then"]],
    tests: ["test/concurrency/search"],
    options: ["--calm"],
  },
  {
    name: "statement-moves",
    what: "later pages of a statement show what was recorded since the first one",
    function: "statement_entries",
    changes: [["(is_first or e.lock_version", "(true or e.lock_version"]],
    tests: ["test/concurrency/statements"],
    options: ["--calm"],
  },
  {
    name: "closed-not-seen-again",
    what: "whether an account is closed is seen before its lock is got, and not again",
    function: "apply_entries",
    changes: [
      [
        "c.normal_balance, c.balance_min, c.balance_max, c.closed_at, c.drifted_at",
        "c.normal_balance, c.balance_min, c.balance_max, null::timestamptz, c.drifted_at",
      ],
    ],
    tests: ["test/concurrency/accounts"],
    options: null, // a call that waited looks as if it had been first
  },
  {
    name: "facts-beside-lock",
    what: "limits and closing are read beside the account's lock, by the statement that waits for it",
    function: "apply_entries",
    changes: [
      [
        "c.normal_balance, c.balance_min, c.balance_max, c.closed_at, c.drifted_at",
        `c.normal_balance, ${besideLock("balance_min")}, ${besideLock("balance_max")}, ${besideLock("closed_at")}, c.drifted_at`,
      ],
    ],
    tests: ["test/concurrency/accounts"],
    options: null,
  },
  {
    name: "commit-unawaited",
    what: "a transaction is acknowledged before it is on the disk",
    function: "write_transaction",
    changes: [["BEGIN_OF_BODY", "begin\n  perform set_config('synchronous_commit', 'off', true);"]],
    tests: ["test/crash/crash"],
    options: ["--evil", "kill PostgreSQL,immediately"],
  },
  {
    name: "transient-refused",
    what: "what is queued is refused for a deadlock, as if that were a fault of its own",
    function: "apply_or_refuse",
    changes: [["'^(08|25|40|53|", "'^(08|25|53|"]],
    tests: ["test/daybook/enqueue_transactions"],
    options: null, // a worker would have to be in a deadlock many times in a row
  },
];
