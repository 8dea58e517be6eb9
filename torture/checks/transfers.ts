import type { Deed } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import type { Books, Entry } from "./books.ts";
import type { Report } from "./finding.ts";

/**
 * What moves between two ledgers is in both or in neither: both halves name each other, and are the same amount at the same
 * time. That they are what was asked for is seen in each ledger for itself.
 */
export function checkTransfers(pair: [Books, Books], deeds: Deed[], report: Report): void {
  const transfers = new Set(
    deeds.filter(({ does }) => does === "transfer_between_ledgers").map(({ id }) => id),
  );
  for (const [here, there] of [pair, pair.toReversed() as [Books, Books]]) {
    for (const [deed, rows] of here.byDeed) {
      for (const row of rows) {
        const objection =
          row["counterpart_ledger"] || transfers.has(deed)
            ? objectionTo(row, here, there)
            : undefined;
        if (objection)
          report(`half of a transfer in ${here.ledger}: ${objection}`, row["id"], deed);
      }
    }
  }
}

function objectionTo(row: Row, here: Books, there: Books): string | undefined {
  const other = there.transactions.get(row["counterpart_transaction_id"]);
  if (row["counterpart_ledger"] !== there.ledger || !other) return "the other half is not there";
  if (
    other["counterpart_ledger"] !== here.ledger ||
    other["counterpart_transaction_id"] !== row["id"]
  )
    return `the other half names ${other["counterpart_transaction_id"]} as its own`;
  const [mine, others] = [amountOf(here, row), amountOf(there, other)];
  if (mine !== others) return `it is ${mine}, and the other half ${others}`;
  if (row["status"] !== other["status"])
    return `${row["status"]}, and the other half ${other["status"]}`;
  const [time, otherTime] = [row, other].map((one) => (one["effective_at"] as Date).getTime());
  return time === otherTime ? undefined : "the other half takes effect at another time";
}

/** What is debited by a transaction's first version. */
const amountOf = ({ byTransaction }: Books, { id }: Row) =>
  (byTransaction.get(id) ?? [])
    .filter(({ version, direction }: Entry) => version === 1 && direction === "debit")
    .reduce((sum, { amount }) => sum + amount, 0);
