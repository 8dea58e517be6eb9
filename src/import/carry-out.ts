import { describeError, errorCode } from "../errors.ts";
import { refusalOf } from "./judge-error.ts";
import type { Lane } from "./lane.ts";
import type { Refusal, Request } from "./parse.ts";
import type { RefusedFile } from "./refused-file.ts";
import { CREATE_TRANSACTION, OPEN_ACCOUNTS } from "./statements.ts";

export type Summary = {
  created: number;
  /** Kept as archived by `archive_on_lock_failure`. */
  declined: number;
  /** Were there already. */
  replayed: number;
  /** Refused lines by error code. */
  refused: Map<string, number>;
  accounts: { opened: number; known: number };
};

/** Where a line stands; the file is named if it is not that of the transactions. */
export type Place = { line: number; file: string | undefined };

/** Where lines go and what became of them. */
export type Books = {
  ledger: string;
  lanes: Lane[];
  refused: RefusedFile;
  summary: Summary;
};

/**
 * Does what one line asks for, and counts it; or writes down why it was refused.
 * @param key for a transaction that brings none
 * @throws what is no fault of the line
 */
export async function carryOut(
  books: Books,
  place: Place,
  request: Request,
  key: string,
): Promise<void> {
  if (request.kind === "nothing") return;
  if (request.kind === "refused") return refuse(books, place, request.text, request.refusal);
  try {
    if (request.kind === "accounts") await openAccounts(books, request.text);
    else await createTransaction(books, request.text, key);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw stoppedAt(place, error);
    refuse(books, place, request.text, refusal);
  }
}

function refuse({ summary, refused }: Books, place: Place, text: string, refusal: Refusal): void {
  summary.refused.set(refusal.code, (summary.refused.get(refusal.code) ?? 0) + 1);
  refused.write(place, refusal, text);
}

/** One error can stop many lines, so each gets its own. */
function stoppedAt({ line, file }: Place, cause: unknown): Error {
  const where = `line ${line}${file ? ` of ${file}` : ""}`;
  const hint = `Stopped at ${where}. Repeat the import: nothing is applied twice.`;
  return Object.assign(new Error(describeError(cause), { cause }), {
    code: errorCode(cause),
    hint,
  });
}

async function openAccounts({ lanes, ledger, summary }: Books, text: string): Promise<void> {
  const values = [ledger, text];
  const rows = await leastBusy(lanes).run<Summary["accounts"]>(OPEN_ACCOUNTS, values);
  summary.accounts.opened += rows[0]!.opened;
  summary.accounts.known += rows[0]!.known;
}

type Made = { replayed: boolean; declined: boolean };

async function createTransaction(books: Books, text: string, key: string): Promise<void> {
  const { lanes, ledger, summary } = books;
  const rows = await leastBusy(lanes).run<Made>(CREATE_TRANSACTION, [ledger, text, key]);
  const { replayed, declined } = rows[0]!;
  summary[replayed ? "replayed" : declined ? "declined" : "created"] += 1;
}

function leastBusy(lanes: Lane[]): Lane {
  return lanes.reduce((best, lane) => (lane.pending < best.pending ? lane : best));
}
