import { keyOf, makes, type Deed } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import { groupBy, type Books } from "./books.ts";
import { DECLINES, isPossible } from "./codes.ts";
import type { Report } from "./finding.ts";
import { misshown } from "./shapes.ts";

/** How far two readings of one clock may be apart: they are rounded differently. In milliseconds. */
const ROUNDING = 2;

/**
 * What was acknowledged is there exactly once, what was refused left nothing, of what nobody knows there is at most
 * one; and nothing else is there. What clients were told of repetitions is true.
 */
export function checkAnswers(books: Books, deeds: Deed[], report: Report): void {
  const byId = new Map(deeds.map((deed) => [deed.id, deed]));
  for (const [description, rows] of books.byDeed) {
    if (!byId.has(description)) report("nobody asked for it", description, rows[0]!["id"]);
    if (rows.length > 1) report("made twice", description, ...rows.map(({ id }) => id));
  }
  for (const deed of deeds.filter(makes)) checkMade(books, deed, report);
  for (const deed of deeds.filter(({ fate }) => fate === "done")) {
    const objection = misshown(deed);
    if (objection) report(`${deed.does} ${objection}`, deed.id);
  }
  checkVersions(books, deeds, report);
  checkCodes(deeds, report);
}

function checkMade(books: Books, deed: Deed, report: Report): void {
  const row = books.byDeed.get(deed.id)?.[0];
  if (deed.fate === "refused" && (deed.lost === 0 || deed.mustBe) && row) {
    return report(`refused with ${deed.code}, and there all the same`, deed.id, row["id"]);
  }
  if (deed.fate !== "done") return;
  const answer = deed.answer!;
  if (deed.does === "enqueue_transactions") return checkReceipt(books, deed, row, report);
  if (!row) return report("acknowledged, and not there", deed.id, answer["transaction_id"]);
  // Of a transfer the half in the ledger that the money leaves is answered, and known in the other one too.
  const isHere = deed.ledger === books.ledger;
  if (answer["transaction_id"] !== row[isHere ? "id" : "counterpart_transaction_id"]) {
    report(`acknowledged as ${answer["transaction_id"]}, and there as another`, deed.id, row["id"]);
  }
  if (answer["replayed"] === false && row["made"] < deed.sentAt - ROUNDING) {
    report("said to be new, but it was made by an earlier attempt", deed.id, row["id"]);
  }
}

function checkReceipt(books: Books, deed: Deed, row: Row | undefined, report: Report): void {
  const id = deed.answer!["receipt_id"];
  const receipt = books.receipts.get(id);
  if (!receipt) return report("the receipt is neither applied nor refused", deed.id, id);
  if (receipt["idempotency_key"] !== keyOf(deed))
    report("the receipt has another key", deed.id, id);
  if ((receipt["state"] === "applied") !== (row !== undefined)) {
    report(
      `the receipt is ${receipt["state"]}, the transaction is ${row ? "" : "not "}there`,
      deed.id,
      id,
    );
  }
  if (row && receipt["transaction_id"] !== row["id"]) {
    report("the receipt names another transaction", deed.id, id, row["id"]);
  }
  const { state, error_code: code } = receipt;
  const [isRefused, isDeclined] = [
    state === "refused",
    row?.["archived_reason"] === "balance_lock_failure" && DECLINES.includes(code),
  ];
  const isRight = isRefused || isDeclined ? mayRefuse(deed, code) : code === null;
  if (!isRight) report(`the receipt is ${state} with ${code}`, deed.id, id);
}

/** Whether what a deed asked for, applied now or later, can have been refused with a code. */
const mayRefuse = ({ request }: Deed, code: string) =>
  isPossible({ does: "create_transaction", request }, code);

const place = ({ request, answer }: Deed) => `${request["transaction_id"]} ${answer!["version"]}`;

/** Nobody shares a version of a transaction with anybody: each was made by one change. */
function checkVersions(books: Books, deeds: Deed[], report: Report): void {
  const changes = deeds.filter(
    ({ does, fate }) => /^(post|update|archive)_/.test(does) && fate === "done",
  );
  for (const [where, several] of groupBy(changes, place)) {
    const target = several[0]!.request["transaction_id"];
    if (several.length > 1)
      report(`several made version ${where}`, target, ...several.map(({ id }) => id));
    const version = books.transactions.get(target)?.["version"] ?? 0;
    if (several[0]!.answer!["version"] > version) {
      report(`acknowledged version ${where}, there are ${version}`, target, several[0]!.id);
    }
  }
}

/** Refusals are for reasons that there can be: what else comes out, be it a code of the contract, is wrong. */
function checkCodes(deeds: Deed[], report: Report): void {
  for (const deed of deeds) {
    const { code, id, does, detail, mustBe } = deed;
    if (code === undefined || code === "undone" || code === mustBe) continue;
    if (!isPossible(deed, code))
      report(`${does} was refused with ${code}: ${JSON.stringify(detail)}`, id);
  }
}
