import { describeError, errorCode } from "../errors.ts";
import { refusalOf } from "./judge-error.ts";
import type { Lane } from "./lane.ts";
import type { Refusal, Request } from "./parse.ts";
import type { RefusedFile } from "./refused-file.ts";
import { CREATE_TRANSACTIONS, OPEN_ACCOUNTS } from "./statements.ts";

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

/** A line that asks for a transaction, or that is refused as it stands. */
export type Item = {
  place: Place;
  request: Extract<Request, { kind: "transaction" | "refused" }>;
  /** For a transaction that brings none. */
  key: string | null;
};

/**
 * Does what lines ask for, in their order, and counts it; or writes down why one was refused.
 * @throws what is no fault of a line
 */
export async function carryOut(books: Books, items: Item[]): Promise<void> {
  const asked = items.filter(({ request }) => request.kind === "transaction");
  const made = new Map<Item, Made>();
  (await createTransactions(books, asked)).forEach((each, index) => made.set(asked[index]!, each));
  for (const item of items) {
    const { place, request } = item;
    const outcome: Made = request.kind === "refused" ? request : made.get(item)!;
    const { refusal, replayed, declined } = outcome;
    if (refusal) refuse(books, place, request.text, refusal);
    else books.summary[replayed ? "replayed" : declined ? "declined" : "created"] += 1;
  }
}

/** Opens the accounts of one line, all or none. @throws what is no fault of the line */
export async function openAccounts(
  books: Books,
  place: Place,
  { text }: { text: string },
): Promise<void> {
  const { lanes, ledger, summary } = books;
  try {
    const values = [ledger, text];
    const rows = await leastBusy(lanes).run<Summary["accounts"]>(OPEN_ACCOUNTS, values);
    summary.accounts.opened += rows[0]!.opened;
    summary.accounts.known += rows[0]!.known;
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw stoppedAt(place, error);
    refuse(books, place, text, refusal);
  }
}

export function refuse(
  { summary, refused }: Books,
  place: Place,
  text: string,
  refusal: Refusal,
): void {
  summary.refused.set(refusal.code, (summary.refused.get(refusal.code) ?? 0) + 1);
  refused.write(place, refusal, text);
}

type Made = { replayed?: boolean; declined?: boolean; refusal?: Refusal | null };

/** What one statement cannot take as a whole, a time that PostgreSQL cannot read among it, is tried by halves. */
async function createTransactions(books: Books, items: Item[]): Promise<Made[]> {
  if (items.length === 0) return [];
  const { ledger, lanes } = books;
  const lines = `[${items.map(({ request }) => request.text).join(",")}]`;
  const keys = items.map(({ key }) => key);
  try {
    return await leastBusy(lanes).run<Made>(CREATE_TRANSACTIONS, [ledger, lines, keys]);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw stoppedAt(items[0]!.place, error);
    if (items.length === 1) return [{ refusal }];
    const half = items.length >> 1;
    return [
      ...(await createTransactions(books, items.slice(0, half))),
      ...(await createTransactions(books, items.slice(half))),
    ];
  }
}

/** Says where to look; what was done up to there stays. */
function stoppedAt({ line, file }: Place, cause: unknown): Error {
  const where = `line ${line}${file ? ` of ${file}` : ""}`;
  const hint = `Stopped at ${where}. Repeat the import: nothing is applied twice.`;
  return Object.assign(new Error(describeError(cause), { cause }), {
    code: errorCode(cause),
    hint,
  });
}

function leastBusy(lanes: Lane[]): Lane {
  return lanes.reduce((best, lane) => (lane.pending < best.pending ? lane : best));
}
