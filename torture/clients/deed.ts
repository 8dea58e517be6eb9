import type { Args, Row } from "../doors/door.ts";

/** What a client wants done, as it wrote it down before it asked: one transaction made or changed, or one setting. */
export type Deed = {
  /** Its idempotency key, if it has one, and the description of what it makes. */
  id: string;
  /** The function of the contract that does it alone: a member of a batch is a `create_transaction`. */
  does: string;
  ledger: string;
  /** What was asked; of a member of a batch the member alone. */
  request: Args;
  /** When it was first sent, and when its fate was known, in milliseconds of the clients' steady clock. */
  sent: number;
  ended: number | undefined;
  /** When its last attempt was sent, in milliseconds since 1970. */
  sentAt: number;
  /** `refused` after a lost attempt is what the last attempt said: an earlier one may still have come through. */
  fate: "unknown" | "done" | "refused";
  /** Of how many attempts the answer was lost. */
  lost: number;
  answer: Row | undefined;
  code: string | undefined;
  detail: unknown;
  /** With which code it must be refused, whatever happens. */
  mustBe?: string;
  /** The requests with which it stands or falls, its own among them, if there are others. */
  amid?: Args[];
  /** How it was sent, for whoever reads the history. */
  way: string;
  /** The call that brought it, if that was another one than its function with its request. */
  sentBy?: SentBy;
};

/** A call that brought several deeds, whose id is that of the first: one function, or several in one database transaction. */
export type SentBy = { id: string } & (
  { does: string; atomic?: boolean } | { isolation: string; end: "commit" | "rollback" }
);

/** What a client read, and between which moments. */
export type Read = {
  does: string;
  request: Args;
  sent: number;
  ended: number;
  rows: Row[];
  client: string;
};

/** What is wrong with an answer, if anything is; or what has to be asked next to know. */
export type Verdict = { wrong: string } | { next: [string, Args] } | undefined;

/** A call that leaves nothing behind. */
export type Reading = {
  kind: "read";
  call: [string, Args];
  /** Judges the answer by what was known when it was asked for; without it the answer is kept, and judged at the end. */
  judge?: (rows: Row[]) => Verdict;
  /** The code it must be refused with; or codes it may be refused with. */
  refused?: { must: string } | { may: (code: string) => boolean };
  /** As somebody who may read only what he was granted. */
  isGuest?: boolean;
};

/** What a client decided to do next. */
export type Plan =
  | Reading
  /**
   * One call; each of its rows is the answer to the deed of its place. What is wrong with all of them together is told
   * by `judge`.
   */
  | {
      kind: "call";
      call: [string, Args];
      deeds: Deed[];
      judge?: (rows: Row[]) => string | undefined;
    }
  /** Several calls in one database transaction. */
  | { kind: "several"; deeds: Deed[]; end: "commit" | "rollback"; isolation: string }
  /** An earlier call once more, or with its key and another request. */
  | { kind: "again"; deed: Deed; isChanged: boolean }
  | { kind: "rest" };

/** Something to do. */
export function deedOf(does: string, request: Args, id: string): Deed {
  return {
    id,
    does,
    ledger: request["ledger"] ?? request["from_ledger"],
    request,
    sent: 0,
    ended: undefined,
    sentAt: 0,
    fate: "unknown",
    lost: 0,
    answer: undefined,
    code: undefined,
    detail: undefined,
    way: "",
  };
}

/** What makes something that has a name, or grants something: the same again changes nothing, and needs no key. */
const NAMED = /^(open_accounts|create_(ledger|category|currency)|(grant|revoke)_.*)$/;

/** Whether it may be repeated when nobody knows what came of it. */
export const isRepeatable = (deed: Deed): boolean =>
  keyOf(deed) !== undefined || NAMED.test(deed.does);

export const keyOf = (deed: Deed): string | undefined => deed.request["idempotency_key"];

/** The functions that make a transaction, which then has the deed's id as its description or in its metadata. */
const MAKES = new Set([
  "create_transaction",
  "enqueue_transactions",
  "partially_post_transaction",
  "reverse_transaction",
  "transfer_between_ledgers",
]);
export const makes = ({ does }: Deed): boolean => MAKES.has(does);
