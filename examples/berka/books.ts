import { change, isoDate, minorUnits, type AccountRow, type Row } from "./bank.ts";

type Direction = "debit" | "credit";

/** What the bank keeps besides its customers' accounts, on the side on which each normally stands. */
const BANK_ACCOUNTS: Record<string, { normal_balance: Direction; description: string }> = {
  "bank:cash": { normal_balance: "debit", description: "Asset: cash in the tills" },
  "bank:clearing": { normal_balance: "debit", description: "Asset: claims on other banks" },
  "bank:cards": { normal_balance: "credit", description: "Liability: owed to the card scheme" },
  "bank:interest": { normal_balance: "debit", description: "Expense: interest on deposits" },
  "bank:penalty-interest": {
    normal_balance: "credit",
    description: "Income: interest on overdrafts",
  },
  "bank:fees": { normal_balance: "credit", description: "Income: fees for statements" },
};

/** What the bank itself charges or pays goes by k_symbol; the operation then says nothing, or that it was cash. */
const BY_K_SYMBOL: Record<string, string> = {
  UROK: "bank:interest",
  "SANKC. UROK": "bank:penalty-interest",
  SLUZBY: "bank:fees",
};
const BY_OPERATION: Record<string, string> = {
  VKLAD: "bank:cash",
  VYBER: "bank:cash",
  "VYBER KARTOU": "bank:cards",
  "PREVOD Z UCTU": "bank:clearing",
  "PREVOD NA UCET": "bank:clearing",
};

/** The bank's own accounts, as `account_input`s. */
export function bankAccounts(): object[] {
  return Object.entries(BANK_ACCOUNTS).map(([address, facts]) => ({
    address,
    currency: "CZK",
    ...facts,
  }));
}

/** Address of a customer's account. */
export function customerAddress(account_id: string): string {
  return `customers:${account_id}`;
}

/** A customer's account as an `account_input`: what the bank owes the customer, so a credit raises it. */
export function customerAccount({ account_id, district_id, frequency, date }: AccountRow): object {
  const metadata = { district_id, frequency, opened: isoDate(date) };
  return {
    address: customerAddress(account_id),
    currency: "CZK",
    normal_balance: "credit",
    metadata,
  };
}

/**
 * A row as a `transaction_input`.
 * @throws Error if the row says something that this does not understand
 */
export function transactionOf(row: Row): object {
  const { trans_id, type, operation, k_symbol, bank, account } = row;
  if (!/^\d+$/.test(trans_id)) throw new Error(`no trans_id: "${trans_id}"`);
  if (!["PRIJEM", "VYDAJ", "VYBER"].includes(type)) throw new Error(`unknown type: "${type}"`);
  const counter = BY_K_SYMBOL[k_symbol] ?? BY_OPERATION[operation];
  if (!counter) throw new Error(`neither ${operation} nor ${k_symbol} says where the money was`);
  const customer = customerAddress(row.account_id);
  const [debit, credit] = change(row) < 0n ? [customer, counter] : [counter, customer];
  const amount = minorUnits(row.amount).toString();
  const facts = { trans_id, type, operation, k_symbol, bank, account };
  return {
    entries: [
      { account: debit, direction: "debit", amount },
      { account: credit, direction: "credit", amount },
    ],
    effective_at: `${isoDate(row.date)}T00:00:00Z`,
    idempotency_key: `berka:${trans_id}`,
    external_id: trans_id,
    metadata: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== "")),
  };
}
