/** Searches of the ledger that search-setup.sql makes, and which index answers each. */
export type Shape = {
  name: string;
  /** Arguments of search_transactions behind the ledger. */
  search: string;
  index: RegExp;
  /** Words that many have, and the like: only a time limit is promised. */
  isSlow?: boolean;
};

const day = (ago: number) => `now() - interval '${ago} days'`;
const between = (what: string, from: number, before: number) =>
  `${what}_from => ${day(from)}, ${what}_before => ${day(before)}`;

/** All three begin with the account. */
const ANY_OF_ACCOUNT = /lines_(effective|created|amount)/;

export const shapes: Shape[] = [
  { name: "the latest", search: "", index: /documents_effective/ },
  { name: "the latest recorded", search: "sort => 'created_at'", index: /documents_created/ },
  { name: "the greatest", search: "sort => 'amount'", index: /lines_currency/ },
  { name: "an account", search: "account => 'users:77:card'", index: ANY_OF_ACCOUNT },
  {
    name: "an account's greatest",
    search: "account => 'bank', sort => 'amount'",
    index: ANY_OF_ACCOUNT,
  },
  {
    name: "an account's last recorded, one side",
    search: "account => 'bank', sort => 'created_at', direction => 'debit'",
    index: ANY_OF_ACCOUNT,
  },
  { name: "a busy account", search: "account => 'shops:1'", index: ANY_OF_ACCOUNT },
  {
    name: "a busy account on a day",
    search: `account => 'shops:1', ${between("effective", 41, 40)}`,
    index: /lines_effective/,
  },
  {
    name: "a busy account, recorded on a day",
    search: `account => 'bank', ${between("created", 41, 40)}`,
    index: /lines_created/,
  },
  {
    name: "a busy account's great amounts",
    search: "account => 'bank', amount_min => 59000",
    index: /lines_amount/,
  },
  {
    name: "below an address",
    search: "account => 'users:77:*', status => 'posted'",
    index: ANY_OF_ACCOUNT,
  },
  { name: "a category", search: "category => 'few'", index: ANY_OF_ACCOUNT },
  { name: "a large category", search: "category => 'many'", index: ANY_OF_ACCOUNT },
  { name: "a rare amount", search: "amount_min => 59800", index: /lines_currency/ },
  {
    name: "a common amount",
    search: "amount_min => 100, amount_max => 1000",
    index: /documents_effective|lines_currency/,
  },
  { name: "a rare currency", search: "currency => 'EUR'", index: /lines_currency/ },
  {
    name: "a common currency",
    search: "currency => 'USD', sort => 'created_at'",
    index: /documents_created/,
  },
  { name: "pending", search: "status => 'pending'", index: /documents_status/ },
  { name: "posted", search: "status => 'posted'", index: /documents_effective/ },
  { name: "an external id", search: "external_id => 'ext-4711'", index: /documents_external_id/ },
  { name: "rare metadata", search: `metadata => '{"order": 4711}'`, index: /documents_facts/ },
  {
    name: "common metadata",
    search: `metadata => '{"channel": "web"}', account => 'users:42:card'`,
    index: ANY_OF_ACCOUNT,
  },
  { name: "a month", search: between("effective", 100, 70), index: /documents_effective/ },
  {
    name: "an hour by amount",
    search: `effective_from => ${day(100)}, effective_before => ${day(100)} + interval '1 hour', sort => 'amount'`,
    index: /documents_effective/,
  },
  {
    name: "an hour of recording",
    search: `created_from => ${day(100)}, created_before => ${day(100)} + interval '1 hour'`,
    index: /documents_created/,
  },
  {
    name: "rare words",
    search: "words => 'under dispte', metadata_keys => '{note}'",
    index: /documents_words/,
  },
  { name: "no such words", search: "words => 'zebra crossing'", index: /documents_words/ },
  {
    name: "words on an account",
    search: "words => 'starbcks', account => 'users:88:card'",
    index: ANY_OF_ACCOUNT,
  },
  { name: "common words", search: "words => 'starbcks'", index: /documents_effective/ },
  {
    name: "common words on a busy account",
    search: "words => 'january', account => 'bank'",
    index: ANY_OF_ACCOUNT,
    isSlow: true,
  },
];

/** The text of search-setup.sql for so many transactions; one user for fifty of them. */
export function setUp(text: string, transactions: number): string {
  const users = Math.max(1000, Math.round(transactions / 50));
  return text.replaceAll(":transactions", `${transactions}`).replaceAll(":users", `${users}`);
}

export const statement = ({ search }: Shape) =>
  `select * from daybook.search_transactions('search'${search && `, ${search}`})`;
