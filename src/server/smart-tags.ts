import { pgSmartTags } from "postgraphile/utils";

type Rules = Extract<Parameters<typeof pgSmartTags>[0], unknown[]>;

/**
 * What can be filtered and ordered by: what an index answers, or what is cheap among the rows that one does.
 * Everything else would read whole ledgers.
 */
const SEARCHABLE: Record<string, string[]> = {
  ledgers: ["name"],
  currencies: ["code"],
  accounts: ["ledger", "id", "address", "currency", "created_at"],
  categories: ["ledger", "category", "currency"],
  category_members: ["ledger", "id", "category", "account_id", "child_category"],
  balances: ["ledger", "account", "account_id", "currency"],
  rollups: ["ledger", "account", "account_id"],
  transactions: ["ledger", "id"],
  entries: ["ledger", "id", "account_id", "transaction_id"],
  current_entries: ["ledger", "id", "account_id", "transaction_id", "position"],
  log: ["ledger", "id"],
  transaction_queue: ["ledger"],
  balance_health: ["ledger"],
  partition_health: ["relation"],
  detached_months: ["month"],
  detached_accounts: ["ledger", "account", "account_id"],
};

/**
 * Keys and relations that PostgreSQL does not know of: views have none, and the hot tables do without
 * foreign keys. A relation's `fieldName` is what the referencing row shows, `foreignFieldName` the other way.
 */
const RELATIONS: Record<string, { primaryKey?: string; foreignKey: string[] }> = {
  transactions: {
    foreignKey: [
      "(ledger) references daybook.ledgers (name)|@fieldName ledgerDetails|@foreignFieldName transactions",
      "(ledger, reverses_transaction_id) references daybook.transactions (ledger, id)|@fieldName reversesTransaction|@backwardBehavior -*",
      "(ledger, reversed_by_transaction_id) references daybook.transactions (ledger, id)|@fieldName reversedByTransaction|@backwardBehavior -*",
      "(ledger, partially_posts_transaction_id) references daybook.transactions (ledger, id)|@fieldName partiallyPostsTransaction|@backwardBehavior -*",
      "(counterpart_ledger, counterpart_transaction_id) references daybook.transactions (ledger, id)|@fieldName counterpartTransaction|@backwardBehavior -*",
    ],
  },
  entries: {
    foreignKey: [
      "(ledger, transaction_id) references daybook.transactions (ledger, id)|@fieldName transaction|@backwardBehavior -*",
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName account|@foreignFieldName entries",
    ],
  },
  current_entries: {
    // Also the order in which a transaction shows its lines.
    primaryKey: "ledger,transaction_id,position",
    foreignKey: [
      "(ledger, transaction_id) references daybook.transactions (ledger, id)|@fieldName transaction|@foreignFieldName entries",
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName account|@backwardBehavior -*",
    ],
  },
  balances: {
    primaryKey: "ledger,account_id",
    foreignKey: [
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName accountDetails|@foreignFieldName balance",
    ],
  },
  statement_entry: {
    foreignKey: [
      "(ledger, transaction_id) references daybook.transactions (ledger, id)|@fieldName transaction|@backwardBehavior -*",
    ],
  },
  rollups: {
    primaryKey: "ledger,account_id",
    foreignKey: [
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName accountDetails|@foreignFieldName rollup",
    ],
  },
  transaction_queue: {
    primaryKey: "ledger",
    foreignKey: [
      "(ledger) references daybook.ledgers (name)|@fieldName ledgerDetails|@foreignFieldName transactionQueue|@foreignSingleFieldName transactionQueue",
    ],
  },
  partition_health: { primaryKey: "relation", foreignKey: [] },
  detached_months: { primaryKey: "month", foreignKey: [] },
  detached_accounts: {
    primaryKey: "ledger,account_id",
    foreignKey: [
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName accountDetails|@foreignFieldName detached",
    ],
  },
  balance_health: {
    primaryKey: "ledger",
    foreignKey: [
      "(ledger) references daybook.ledgers (name)|@fieldName ledgerDetails|@foreignFieldName balanceHealth|@foreignSingleFieldName balanceHealth",
    ],
  },
  log: {
    primaryKey: "ledger,id",
    foreignKey: [
      "(ledger, transaction_id) references daybook.transactions (ledger, id)|@fieldName transaction|@backwardBehavior -*",
      "(ledger, account_id) references daybook.accounts (ledger, id)|@fieldName account|@backwardBehavior -*",
    ],
  },
};

/** Columns of views and of what functions return that are never null, which PostgreSQL cannot know; all the others may be. */
const NULLABLE: Record<string, string[]> = {
  // A category's balance is of no account.
  balances: ["account", "account_id", "lock_version"],
  rollups: ["rolled_up_at"],
  current_entries: [
    "lock_version",
    "pending_debits",
    "pending_credits",
    "posted_debits",
    "posted_credits",
  ],
  log: ["transaction_id", "account_id", "request_id", "client_address"],
  transaction_queue: ["oldest_accepted_at", "oldest_age"],
  trial_balance_row: ["account", "normal_balance"],
  account_statement: ["starts_at", "ends_at", "next_page"],
  statement_entry: ["description", "external_id"],
  partition_health: [],
  detached_months: ["finished_at"],
  detached_accounts: [],
  balance_health: [
    "drifted_since",
    "oldest_check_at",
    "transactions_checked_at",
    "oldest_queued_at",
  ],
};

const rules: Rules = [
  ...Object.entries(RELATIONS).map(([name, tags]) => ({
    kind: "class" as const,
    match: `daybook.${name}`,
    tags,
  })),
  {
    kind: "constraint",
    match: "daybook.accounts.account_ledger_exists",
    tags: { fieldName: "ledgerDetails", foreignFieldName: "accounts" },
  },
  {
    kind: "constraint",
    match: "daybook.accounts.account_currency_exists",
    tags: { fieldName: "currencyDetails", backwardBehavior: "-*" },
  },
  {
    kind: "constraint",
    match: "daybook.accounts.account_address_is_unique_in_ledger",
    tags: { fieldName: "accountByAddress" },
  },
  {
    kind: "constraint",
    match: "daybook.categories.category_ledger_exists",
    tags: { fieldName: "ledgerDetails", foreignFieldName: "categories" },
  },
  {
    kind: "constraint",
    match: "daybook.categories.category_currency_exists",
    tags: { fieldName: "currencyDetails", backwardBehavior: "-*" },
  },
  {
    kind: "constraint",
    match: "daybook.category_members.category_member_of_exists",
    tags: { fieldName: "categoryDetails", foreignFieldName: "members" },
  },
  {
    kind: "constraint",
    match: "daybook.category_members.category_member_account_exists",
    tags: { fieldName: "accountDetails", foreignFieldName: "memberships" },
  },
  {
    kind: "constraint",
    match: "daybook.category_members.category_member_child_exists",
    tags: { fieldName: "childCategoryDetails", foreignFieldName: "memberships" },
  },
  {
    kind: "attribute",
    match: (column) => isSearchable(column) === true,
    tags: { behavior: "+attribute:filterBy +attribute:orderBy" },
  },
  {
    kind: "attribute",
    match: (column) => isSearchable(column) === false,
    tags: { behavior: "-attribute:filterBy -attribute:orderBy" },
  },
  { kind: "attribute", match: (column) => isNeverNull(column), tags: { notNull: true } },
  // Arrays as long as the caller says, which the function limits, are no pages.
  {
    kind: "procedure",
    match: (proc) => proc.getNamespace()?.nspname === "daybook" && hasOwnLength(proc),
    tags: {
      behavior: "-queryField:resource:connection +queryField:resource:list",
      listSuffix: "omit",
    },
  },
];

type Procedure = Parameters<
  Extract<Extract<Rules[number], { kind: "procedure" }>["match"], Function>
>[0];
type Column = Parameters<
  Extract<Extract<Rules[number], { kind: "attribute" }>["match"], Function>
>[0];

/** Functions whose result is as long as what was asked about, or hopefully empty. */
const OF_OWN_LENGTH = new Set([
  "account_balances",
  "trial_balance",
  "verify_accounts",
  "verify_acknowledged",
  "verify_totals",
  "verify_transactions",
]);

function hasOwnLength(proc: Procedure): boolean {
  return OF_OWN_LENGTH.has(proc.proname) || !!proc.proargnames?.includes("first");
}

/** @returns undefined for columns with a behavior of their own in SQL, and outside of tables and views */
function isSearchable(column: Column): boolean | undefined {
  const relation = column.getClass();
  if (relation?.getNamespace()?.nspname !== "daybook" || relation.relkind === "c") return undefined;
  if (column.getTags()["behavior"] !== undefined) return undefined;
  return SEARCHABLE[relation.relname]?.includes(column.attname) ?? false;
}

function isNeverNull(column: Column): boolean {
  const relation = column.getClass();
  if (relation?.getNamespace()?.nspname !== "daybook") return false;
  return NULLABLE[relation.relname]?.includes(column.attname) === false;
}

/** All smart tags but the `@behavior -*` that stand in SQL comments. */
export const SmartTagsPlugin: GraphileConfig.Plugin = pgSmartTags(rules, null, {
  name: "DaybookSmartTagsPlugin",
});

/** PostGraphile takes every column of a key for never null; those named in `NULLABLE` may be, whatever the key. */
export const NullableKeysPlugin: GraphileConfig.Plugin = {
  name: "DaybookNullableKeysPlugin",
  version: "1.0.0",
  gather: {
    hooks: {
      pgCodecs_attribute(_info, { pgClass, pgAttribute, attribute }) {
        if (pgClass.getNamespace()?.nspname !== "daybook") return;
        if (NULLABLE[pgClass.relname]?.includes(pgAttribute.attname)) delete attribute.notNull;
      },
    },
  },
};
