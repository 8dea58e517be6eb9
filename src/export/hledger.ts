/* Plain-text accounting as hledger reads it. Debits are positive, credits negative, as it has them. */

export type Line = [
  address: string,
  direction: "debit" | "credit",
  amount: string,
  currency: string,
  exponent: number,
];

export type Posted = {
  id: string;
  description: string | null;
  external_id: string | null;
  reverses_transaction_id: string | null;
  partially_posts_transaction_id: string | null;
  counterpart_ledger: string | null;
  counterpart_transaction_id: string | null;
  /** Of the effective time, as the date, both in UTC. */
  year: number;
  date: string;
  effective_at: string;
  lines: Line[];
};

/** How many decimals a currency has; hledger wants the point even where none follow. */
export function commodityDirective(code: string, exponent: number): string {
  return `commodity 1000.${"0".repeat(exponent)} "${code}"\n`;
}

export function accountDirective(address: string, tags: Record<string, string>): string {
  return `account ${address}  ; ${tagsOf(tags)}\n`;
}

/**
 * A transaction as an entry of the journal. Its code is the id, always there: what a description begins with
 * cannot be taken for one.
 * @throws Error if it took effect before the year 1, for which a journal has no dates
 */
export function journalEntry(posted: Posted): string {
  if (posted.year < 1) {
    throw new Error(`transaction ${posted.id} took effect before the year 1`);
  }
  const description = oneLine(posted.description ?? "").replaceAll(";", ",");
  const tags = tagsOf({
    effective_at: posted.effective_at,
    external_id: posted.external_id,
    reverses: posted.reverses_transaction_id,
    partially_posts: posted.partially_posts_transaction_id,
    counterpart_ledger: posted.counterpart_ledger,
    counterpart: posted.counterpart_transaction_id,
  });
  const head = `${posted.date} * (${posted.id}) ${description}`.trimEnd();
  const lines = posted.lines.map(
    ([address, direction, amount, currency, exponent]) =>
      `    ${address}  ${direction === "credit" ? "-" : ""}${decimal(amount, exponent)} "${currency}"\n`,
  );
  return `${head}\n    ; ${tags}\n${lines.join("")}\n`;
}

/** Minor units as a decimal number, without arithmetic. */
export function decimal(amount: string, exponent: number): string {
  if (exponent === 0) return amount;
  const digits = amount.padStart(exponent + 1, "0");
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** A comma ends a tag's value. */
function tagsOf(tags: Record<string, string | null>): string {
  return Object.entries(tags)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}:${oneLine(value!).replaceAll(",", ";")}`)
    .join(", ");
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]+/gu, " ").trim();
}
