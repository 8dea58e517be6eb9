import type { Args, Row } from "../doors/door.ts";
import { deedOf, type Deed, type Plan } from "./deed.ts";
import { chance, pick, upTo, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** How many accounts that were opened are remembered. */
const MEMORY = 20;

/**
 * Several accounts of the other ledger at once, new ones beside others that are there: those come back as they are. If one
 * of them is there with other facts, none is opened.
 */
export function openAccounts({ otherLedger, ...known }: Known, draw: Draw, id: string): Plan {
  const isBad = chance(draw, 0.2);
  const old = pick(draw, known.opened);
  const fresh = Array.from({ length: upTo(draw, 3) }, (_, n) => `opened:${id}:${n}`);
  const addresses = [...fresh, ...(old ? [old.address] : [])];
  const accounts: Args[] = addresses.map((address) => ({ address, currency: "USD" }));
  if (isBad) accounts.splice(upTo(draw, accounts.length), 0, { address: "there", currency: "EUR" });
  const args = { ledger: otherLedger, accounts };
  const deed = deedOf("open_accounts", args, id);
  if (isBad) {
    known.neverOpened.push(fresh[0]!);
    deed.mustBe = "LDDUP";
  }
  const judge = (rows: Row[]) => {
    const isOrdered = rows.every((row, n) => row["address"] === accounts[n]!["address"]);
    if (rows.length !== accounts.length || !isOrdered)
      return `opened ${rows.map(({ address }) => address).join()}, not ${addresses.join()}`;
    if (old && rows.at(-1)!["id"] !== old.id) return `${old.address} was opened twice`;
    for (const { address, id: account } of rows as { address: string; id: string }[])
      if (fresh.includes(address)) known.opened.push({ address, id: account });
    known.opened.splice(0, known.opened.length - MEMORY);
    return undefined;
  };
  return { kind: "call", call: ["open_accounts", args], deeds: [deed], judge };
}

/** A category without members: made once, whoever asks for it again, and never with other facts. */
export const makeCategory = (known: Known, draw: Draw, id: string): Plan => {
  const category = `made:${upTo(draw, 5)}`;
  const args = { ledger: known.ledger, category, currency: "USD", metadata: { made: true } };
  return make({
    known,
    draw,
    id,
    does: "create_category",
    name: category,
    args,
    wrong: { currency: "EUR" },
  });
};

type Making = {
  known: Known;
  draw: Draw;
  id: string;
  does: string;
  name: string;
  args: Args;
  /** Other facts than it is made with. */
  wrong: Args;
};

/** Something that is made once, whoever asks for it again; once it is there, other facts are refused. */
export function make({ known, draw, id, does, name, args, wrong }: Making): Plan {
  const isBad = known.made.has(`${does} ${name}`) && chance(draw, 0.3);
  const request = { ...args, ...(isBad && wrong) };
  const deed: Deed = deedOf(does, request, id);
  if (isBad) deed.mustBe = "LDDUP";
  const judge = ([row]: Row[]) => {
    known.made.add(`${does} ${name}`);
    const told = row?.["category"] ?? row?.["code"] ?? row?.["name"];
    return told === name ? undefined : `${name} was made as ${JSON.stringify(row)}`;
  };
  return { kind: "call", call: [does, request], deeds: [deed], judge };
}
