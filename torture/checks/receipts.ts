import type { Deed, Read } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import type { Books } from "./books.ts";
import type { Report } from "./finding.ts";

/** A receipt as somebody was shown it, between two moments of the clients' clock. */
type Seen = { row: Row; sent: number; ended: number; by: string };

/**
 * A receipt waits until it ends, once: whoever is told of an end is told the one that it has in the books, nobody is told that it still waits
 * after somebody was told of its end, and while it waits there is no transaction yet.
 */
export function checkReceipts(books: Books, deeds: Deed[], reads: Read[], report: Report): void {
  const ended = new Map<string, number>();
  const seen = [...asked(reads, report), ...handedOver(deeds)];
  for (const { row, ended: at } of seen) {
    const id = row["receipt_id"] as string;
    if (row["state"] !== "queued") ended.set(id, Math.min(at, ended.get(id) ?? Infinity));
  }
  for (const { row, sent, by } of seen) {
    const id = row["receipt_id"] as string;
    const end = books.receipts.get(id);
    const isWaiting = row["state"] === "queued";
    const isAs = (name: string) => (row[name] ?? null) === (end?.[name] ?? null);
    const isRight =
      isAs("idempotency_key") &&
      (isWaiting
        ? !row["transaction_id"] && !row["error_code"]
        : ["state", "transaction_id", "error_code"].every(isAs));
    if (!isRight) report(`a receipt was ${say(row)}, and ended ${say(end)}`, id, by);
    if (isWaiting && ended.get(id)! < sent)
      report("a receipt that had ended was said to wait", id, by);
  }
}

const say = (row: Row | undefined) =>
  JSON.stringify(
    row && [row["state"], row["transaction_id"], row["error_code"], row["idempotency_key"]],
  );

/** What was told of receipts that somebody asked for: of that one. */
function asked(reads: Read[], report: Report): Seen[] {
  const some = reads.filter(({ does }) => does === "queued_transaction");
  return some.flatMap(({ request, rows, sent, ended, client }) => {
    const by = `${client} ${sent}`;
    const [row] = rows;
    if (rows.length === 1 && row!["receipt_id"] === request["receipt_id"])
      return [{ row: row!, sent, ended, by }];
    report(`${JSON.stringify(rows)} was shown for the receipt ${request["receipt_id"]}`, by);
    return [];
  });
}

/** What was told when they were handed over: a repetition may find them at their end. */
const handedOver = (deeds: Deed[]): Seen[] =>
  deeds.flatMap(({ does, answer, sent, ended, id }) =>
    does === "enqueue_transactions" && answer && ended !== undefined
      ? [{ row: answer, sent, ended, by: id }]
      : [],
  );
