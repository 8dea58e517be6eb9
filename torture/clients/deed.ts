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
  /** How it was sent, for whoever reads the history. */
  way: string;
};

/** What a client read, and between which moments. */
export type Read = {
  does: string;
  request: Args;
  sent: number;
  ended: number;
  rows: Row[];
  client: string;
};

/** What a client decided to do next. */
export type Plan =
  | { kind: "read"; call: [string, Args] }
  /** One call; each of its rows is the answer to the deed of its place. */
  | { kind: "call"; call: [string, Args]; deeds: Deed[] }
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

export const keyOf = (deed: Deed): string | undefined => deed.request["idempotency_key"];
