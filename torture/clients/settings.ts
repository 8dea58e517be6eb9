import type { Args } from "../doors/door.ts";
import { GROUPS } from "./accounts.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";

/** Sets what binds accounts, which may be repeated without a key: it says how things are to be. */
export function anySetting({ ledger }: Known, draw: Draw, id: string): Plan {
  const account = pick(draw, GROUPS.changing);
  const [does, args] = weighted<() => [string, Args]>(draw, [
    [4, () => ["set_account_limits", { ledger, address: account, ...limits(draw) }]],
    [1, () => ["close_account", { ledger, address: account }]],
    [3, () => ["reopen_account", { ledger, address: account }]],
    [2, () => ["add_to_category", { ledger, category: "crowd", account: pick(draw, GROUPS.free) }]],
    [
      2,
      () => [
        "remove_from_category",
        { ledger, category: "crowd", account: pick(draw, GROUPS.free) },
      ],
    ],
    [1, () => ["open_account", { ledger, address: "free:1", currency: "USD" }]],
    [1, () => ["close_period", { ledger, until: "2019-06-01T00:00:00Z" }]],
    [1, () => ["reopen_period", { ledger, until: "2019-01-01T00:00:00Z" }]],
  ])();
  return { kind: "call", call: [does, args], deeds: [deedOf(does, args, id)] };
}

const limits = (draw: Draw): Args => ({
  balance_min: chance(draw, 0.5) ? -upTo(draw, 100) : null,
  balance_max: chance(draw, 0.3) ? 200 + upTo(draw, 100) : null,
});
