import type { Line } from "../../test/support/ledgers.ts";
import { create, type Answer, type Model } from "../../test/properties/model.ts";
import type { Deed } from "../clients/deed.ts";
import type { Row } from "../doors/door.ts";
import { groupBy, type Books } from "./books.ts";
import type { Report } from "./finding.ts";
import { applyEntry, bare, carryOut, figuresOf, newAccount, newModel } from "./model.ts";

/** Who wrote which version of which transaction: a deed, or nobody, if its time was over. */
export type Writers = Map<string, Deed | "expiry">;
export const written = (transaction: string, version: number) => `${transaction} ${version}`;

/**
 * Plays each transaction through the model, version by version, by what clients asked: each version must be what one
 * of them asked for, and have written the entries that the model writes. Conditions are judged elsewhere.
 */
export function checkTransactions(books: Books, deeds: Deed[], report: Report): Writers {
  const writers: Writers = new Map();
  const made = deeds.filter((deed) => books.byDeed.has(deed.id));
  const makers = new Map(
    made.map((deed) => [books.byDeed.get(deed.id)![0]!["id"] as string, deed]),
  );
  const mayHaveHappened = deeds.filter(({ fate, lost }) => fate !== "refused" || lost > 0);
  const context: Context = {
    books,
    report,
    writers,
    makers,
    changes: groupBy(mayHaveHappened, ({ request }) => request["transaction_id"] ?? ""),
    parts: groupBy(
      [...books.transactions.values()],
      (row) => row["partially_posts_transaction_id"] ?? "",
    ),
    used: new Set(),
    played: new Map(),
  };
  for (const id of books.transactions.keys()) play(context, id);
  return writers;
}

type Context = {
  books: Books;
  report: Report;
  writers: Writers;
  makers: Map<string, Deed>;
  changes: Map<string, Deed[]>;
  parts: Map<string, Row[]>;
  /** Who was found to have made a version beyond the first. */
  used: Set<Deed>;
  /** The lines that each transaction ended with. */
  played: Map<string, Line[]>;
};

function play(context: Context, id: string): Line[] {
  const { books, makers, played, writers, report } = context;
  const known = played.get(id);
  if (known) return known;
  played.set(id, []);
  const row = books.transactions.get(id)!;
  const maker = makers.get(id);
  if (!maker) return []; // nobody asked for it, which another check tells
  writers.set(written(id, 1), maker);
  const isDeclined = row["archived_reason"] === "balance_lock_failure";
  const lines = isDeclined ? [] : linesOf(context, maker);
  const model = newModel(lines);
  const { status } = maker.request;
  const isPart = maker.does === "partially_post_transaction"; // whose entries its whole's version answers for
  const answer = create(model, { entries: lines, ...(status && { status }) });
  if (isDeclined)
    Object.assign(model.transactions[0]!, { status: "archived", reason: "balance_lock_failure" });
  if (!isPart) compare(context, id, 1, answer, newModel(lines), model, []);
  for (let version = 2; version <= row["version"]; version++)
    playVersion(context, model, row, version);
  const { status: end, reason, lines: last } = model.transactions[0]!;
  if (end !== row["status"] || (reason ?? null) !== row["archived_reason"]) {
    report(
      `is ${row["status"]} ${row["archived_reason"]}, and should be ${end} ${reason}`,
      id,
      maker.id,
    );
  }
  played.set(id, last);
  return last;
}

/** What a deed made a transaction of. */
function linesOf(context: Context, { does, request, ledger }: Deed): Line[] {
  if (does === "reverse_transaction") {
    return play(context, request["transaction_id"]).map(({ account, direction, amount }) => {
      return { account, direction: direction === "debit" ? "credit" : "debit", amount };
    });
  }
  if (does !== "transfer_between_ledgers") return bare(request["entries"]);
  const { amount, from_account, to_account, from_clearing_account, to_clearing_account } = request;
  const isFrom = ledger === context.books.ledger;
  const [from, to] = isFrom
    ? [from_account, from_clearing_account]
    : [to_clearing_account, to_account];
  return [
    { account: from, direction: "debit", amount },
    { account: to, direction: "credit", amount },
  ];
}

/** Who can have made a version: who was told so, or one whose answer got lost, a part, or the end of its time. */
function playVersion(context: Context, model: Model, row: Row, version: number): void {
  const { changes, parts, writers, makers, used, report } = context;
  const id = row["id"] as string;
  const all = (changes.get(id) ?? []).filter(({ does }) => /^(post|update|archive)_/.test(does));
  const told = all.find(({ fate, answer }) => fate === "done" && answer!["version"] === version);
  const lost = all.filter((deed) => deed.fate !== "done" && !used.has(deed));
  const rest = (parts.get(id) ?? [])
    .toSorted((a, b) => a["made"] - b["made"])
    .map((part) => makers.get(part["id"])!)
    .filter((deed) => deed && !used.has(deed));
  const isExpected = ({ request }: Deed) =>
    (request["expected_version"] ?? version - 1) === version - 1;
  const hasExpired = row["archived_reason"] === "expired" && version === row["version"];
  const others = hasExpired ? ["expiry" as const] : [...rest, ...lost].filter(isExpected);
  const candidates: (Deed | "expiry")[] = told ? [told] : others;
  for (const deed of candidates) {
    const next = structuredClone(model);
    const answer = carryOut(next, deed);
    const made =
      deed !== "expiry" && deed.does.startsWith("partially") ? [madeBy(context, deed)] : [];
    if (!told && !agrees(context, id, version, answer, model, next, made)) continue;
    if (told) compare(context, id, version, answer, model, next, made);
    if (deed !== "expiry" && !isExpected(deed)) {
      report(
        `made version ${version} and expected ${deed.request["expected_version"]} before`,
        id,
        deed.id,
      );
    }
    writers.set(written(id, version), deed);
    if (deed !== "expiry") used.add(deed);
    Object.assign(model, next);
    return;
  }
  report(`version ${version} is nothing that anybody asked for`, id, ...all.map((deed) => deed.id));
}

const madeBy = ({ books }: Context, deed: Deed) => books.byDeed.get(deed.id)![0]!["id"] as string;
function compare(
  context: Context,
  id: string,
  version: number,
  answer: Answer,
  ...[before, after, others]: [Model, Model, string[]]
): void {
  if (agrees(context, id, version, answer, before, after, others)) return;
  const deed = context.writers.get(written(id, version));
  const about = deed && deed !== "expiry" ? deed.id : undefined;
  context.report(
    `version ${version} wrote other entries than were asked: ${JSON.stringify(answer)}`,
    id,
    about,
  );
}

/** Whether a version wrote what the model wrote, together with the parts that came with it. */
function agrees(
  { books }: Context,
  id: string,
  version: number,
  answer: Answer,
  ...[before, after, others]: [Model, Model, string[]]
): boolean {
  if ("code" in answer) return false;
  const accounts = structuredClone(before.accounts);
  const entries = (books.byTransaction.get(id) ?? []).filter((entry) => entry.version === version);
  const parts = others
    .flatMap((other) => books.byTransaction.get(other) ?? [])
    .filter((entry) => entry.version === 1);
  for (const entry of [...entries, ...parts]) {
    if (!accounts.has(entry.account)) accounts.set(entry.account, newAccount());
    applyEntry(accounts, entry);
  }
  return figuresOf(accounts) === figuresOf(after.accounts);
}
