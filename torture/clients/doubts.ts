import type { Args, Door } from "../doors/door.ts";
import type { Postgres } from "../stage/postgres.ts";
import { pursue, spread } from "./client.ts";
import { deedOf, keyOf, makes, type Deed } from "./deed.ts";
import { count, type Known } from "./known.ts";

/** How long an answer may take when nothing disturbs any more, in milliseconds: a connection that is dead is noticed meanwhile. */
export const PATIENCE = 60_000;

/**
 * When all is quiet: whoever was refused after an answer got lost, or never knew, asks once more with his key. What came through is told as
 * a replay, and of what is not nothing can come any more. Then everybody who comes in by either door is served.
 */
export async function settleDoubts(books: Books, known: Known, doors: Door[]): Promise<void> {
  for (const deed of [...known.deeds, ...known.past.deeds].filter(isDoubtful))
    await askAgain(books, known, doors[0]!, deed);
  for (const door of doors) await haveLastWord(known, door);
}

/** Where one can look whether something is there. */
type Books = Pick<Postgres, "ask">;

const isDoubtful = (deed: Deed) =>
  deed.lost > 0 && deed.fate !== "done" && !deed.mustBe && keyOf(deed) !== undefined;

async function askAgain(books: Books, known: Known, door: Door, deed: Deed): Promise<void> {
  const before = makes(deed) ? await idOf(books, deed) : undefined;
  const since = performance.now();
  await ask(known, door, deed);
  count(known, "asked again in the end", deed.fate);
  if (deed.fate === "refused") deed.lost = 0; // nothing of it can be under way any more
  const { fate, answer } = deed;
  if (fate !== "done" || deed.does === "enqueue_transactions") return;
  if (!answer!["replayed"]) deed.sent = since; // it was made now
  if (makes(deed) && answer!["replayed"] !== (before !== undefined)) {
    const what = `${deed.does}, asked again when all was quiet: ${JSON.stringify(answer)}, where there was ${before ?? "nothing"}`;
    known.lies.push({ what, about: deed.id });
  }
}

/** The transaction that a deed has made. */
async function idOf(books: Books, { ledger, id }: Deed): Promise<string | undefined> {
  const { rows } = await books.ask(
    "select id from daybook.transactions where ledger = $1 and coalesce(metadata ->> 'by', description) = $2",
    [ledger, id],
  );
  return rows[0]?.id;
}

/** Nobody else is there, and nothing speaks against it. */
async function haveLastWord(known: Known, door: Door): Promise<void> {
  const id = `last over ${door.kind}`;
  const entries = [
    { account: "free:1", direction: "debit", amount: 1 },
    { account: "free:2", direction: "credit", amount: 1 },
  ];
  const args = { ledger: known.ledger, entries, description: id, idempotency_key: id };
  const deed = deedOf("create_transaction", args, id);
  known.deeds.push(deed);
  deed.sent = performance.now();
  await ask(known, door, deed);
  if (deed.fate === "refused")
    known.lies.push({ what: `${id} was refused with ${deed.code}`, about: id });
}

async function ask(known: Known, door: Door, deed: Deed): Promise<void> {
  const call = callOf(deed);
  const giveUp = AbortSignal.timeout(PATIENCE);
  const attempt = async () => spread(await door.call(...call), 1);
  await pursue({ name: "last", door, known, giveUp }, [deed], attempt);
}

function callOf({ does, request }: Deed): [string, Args] {
  if (does !== "enqueue_transactions") return [does, request];
  const { ledger, ...member } = request;
  return [does, { ledger, transactions: [member] }];
}
