import type { Deed } from "../clients/deed.ts";

/*
 * Which refusals can be right. Clients know the ledger, its accounts, categories and transactions, each key is of one request
 * alone, and what they write is well-formed and balanced: most codes of the contract can never come of it.
 */

const OF_ENTRIES = ["LDCLS", "LDPER", "LDVER", "LDBAL", "LDLIM", "LDCAT"];

/**
 * By function, codes that a request can be refused with. Those that are not here are never refused: what is enqueued is judged when it
 * is applied, as a `create_transaction`.
 */
const CODES: Record<string, string[]> = {
  create_transaction: ["LDARG", "LDEXT", ...OF_ENTRIES],
  post_transaction: ["LDSTA", ...OF_ENTRIES],
  update_transaction: ["LDARG", "LDSTA", ...OF_ENTRIES],
  archive_transaction: ["LDSTA", "LDVER"],
  // Of what somebody else has meanwhile posted or changed there may be less left, or nothing on that side of that account.
  partially_post_transaction: ["LDARG", "LDAMT", "LDEXT", "LDSTA", "LDPER", "LDVER"],
  reverse_transaction: ["LDSTA", "LDCLS", "LDPER", "LDLIM"],
  transfer_between_ledgers: ["LDLIM"],
};

/** What of a request, written as JSON, a code has to do with: who did not ask for that is not refused for it. */
const ABOUT: Record<string, RegExp> = {
  LDEXT: /"external_id"/,
  LDVER: /"(lock|expected)_version"/,
  LDBAL: /_balance":/,
  LDCAT: /"category_locks"/,
};

/** A lock on a category may cover no account, and the time at which a hold expires may be over when it is asked for. */
const ILL_FORMED = /"(category_locks|expires_at)"/;

/** The codes of a decline that is kept. */
export const DECLINES = ["LDBAL", "LDLIM", "LDCAT"];

type Asked = Pick<Deed, "does" | "request" | "amid">;

/** Whether a call can be refused with a code at all, by what it asked. */
export function isPossible({ does, request, amid = [request] }: Asked, code: string): boolean {
  return (
    (CODES[does]?.includes(code) ?? false) &&
    amid.some((one) => isAbout(does, JSON.stringify(one), code))
  );
}

function isAbout(does: string, asked: string, code: string): boolean {
  if (code === "LDARG" && does !== "partially_post_transaction") return ILL_FORMED.test(asked);
  return ABOUT[code]?.test(asked) ?? true;
}
