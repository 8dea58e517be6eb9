/**
 * Writes the ISO 4217 seed of `daybook.currencies` from the npm package `currency-codes`
 * (made from the list that the ISO 4217 maintenance agency publishes), to standard output:
 *
 *   node scripts/currencies.ts > migrations/fixtures/daybook/tables/currencies_iso_4217.sql
 *
 * A test keeps the committed file equal to this output.
 */
import currencies from "currency-codes";

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The SQL text: one row a currency. "N.A." minor units (gold, test codes) become 0. */
export const currenciesSql = () => {
  const rows = currencies
    .codes()
    .toSorted()
    .map((code) => currencies.code(code)!)
    .map(({ code, digits, currency }) => `  (${quoted(code)}, ${digits}, ${quoted(currency)})`);
  return [
    `-- ISO 4217 as published ${currencies.publishDate}, written by scripts/currencies.ts.`,
    "-- Codes without a minor unit (gold, special drawing rights) have exponent 0.",
    "insert into daybook.currencies (code, exponent, name) values",
    `${rows.join(",\n")}`,
    "on conflict (code) do nothing;",
    "",
  ].join("\n");
};

if (import.meta.main) process.stdout.write(currenciesSql());
