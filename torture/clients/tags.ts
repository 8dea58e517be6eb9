import type { Args, Row } from "../doors/door.ts";
import { GROUPS } from "./accounts.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, type Draw } from "./draw.ts";
import type { Known, Tag } from "./known.ts";

/* Names in metadata: each is set once, named after who set it, and perhaps taken away once. */

export function tag(known: Known, draw: Draw, id: string): Plan | undefined {
  const old = chance(draw, 0.35) ? pick(draw, setOnes(known.tags)) : undefined;
  if (old)
    return takeAway("delete_transaction_metadata", old, { transaction_id: old.id }, known, id);
  const heard = pick(draw, [...known.posted, ...known.pending]);
  if (!heard) return undefined;
  const args: Args = { ledger: known.ledger, transaction_id: heard.id, metadata: { [id]: 1 } };
  const deeds = [deedOf("set_transaction_metadata", args, id)];
  return { kind: "call", call: ["set_transaction_metadata", args], deeds };
}

/** An account's answer shows all its metadata: what was set before is there, what was taken away is not. */
export function tagAccount(known: Known, draw: Draw, id: string): Plan {
  const old = chance(draw, 0.35) ? pick(draw, setOnes(known.accountTags)) : undefined;
  if (old) {
    const plan = takeAway("delete_account_metadata", old, { address: old.id }, known, id);
    return { ...plan, judge: judgeOf(known.accountTags, old.id, { absent: old.name }) };
  }
  const address = pick(draw, GROUPS.free);
  const args: Args = { ledger: known.ledger, address, metadata: { [id]: true } };
  const deeds = [deedOf("set_account_metadata", args, id)];
  const judge = judgeOf(known.accountTags, address, { present: id });
  return { kind: "call", call: ["set_account_metadata", args], deeds, judge };
}

const setOnes = (tags: Tag[]) => tags.filter(({ state }) => state === "set");

function takeAway(does: string, old: Tag, of: Args, { ledger }: Known, id: string) {
  old.state = "unsure";
  const args: Args = { ledger, ...of, key: old.name };
  const deeds = [deedOf(does, args, id)];
  return { kind: "call" as const, call: [does, args] as [string, Args], deeds };
}

function judgeOf(tags: Tag[], address: string, own: { present?: string; absent?: string }) {
  const before = tags.filter(({ id }) => id === address).map((one) => ({ one, was: one.state }));
  return ([row]: Row[]): string | undefined => {
    const names = Object.keys(row!["metadata"]);
    const missing = [
      ...before
        .filter(({ one, was }) => was === "set" && one.state === "set")
        .map(({ one }) => one.name),
      ...(own.present ? [own.present] : []),
    ].filter((name) => !names.includes(name));
    const excess = [
      ...before.filter(({ was }) => was === "gone").map(({ one }) => one.name),
      ...(own.absent ? [own.absent] : []),
    ].filter((name) => names.includes(name));
    if (missing.length + excess.length === 0) return undefined;
    return `metadata of ${address} lack ${missing.join()}, and should not have ${excess.join()}`;
  };
}
