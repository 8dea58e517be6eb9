import type { Deed } from "../clients/deed.ts";
import { LIMITS } from "../clients/accounts.ts";

type Limits = { min: number | null; max: number | null };

/** What clients know to have bound an account all the while that a call was under way. */
export type Settings = {
  /** Nothing where somebody was just setting other ones. */
  limits(account: string, deed: Deed): Limits;
  /** True only if it is sure. */
  isClosed(account: string, deed: Deed): boolean;
};

/** What binds an account is what was set last, if that was acknowledged before a call began, and nothing else was sent before it ended. */
export function settingsOf(deeds: Deed[]): Settings {
  const changes = (account: string, names: string[]) =>
    deeds.filter(({ does, request }) => names.includes(does) && request["address"] === account);
  const all = new Map<string, { limits: Deed[]; closings: Deed[] }>();
  const of = (account: string) => {
    const known = all.get(account) ?? {
      limits: changes(account, ["set_account_limits"]),
      closings: changes(account, ["close_account", "reopen_account"]),
    };
    all.set(account, known);
    return known;
  };
  return {
    limits(account, deed) {
      const last = lastBefore(of(account).limits, deed);
      if (!last) return { min: LIMITS[account]?.min ?? null, max: LIMITS[account]?.max ?? null };
      return { min: last.request["balance_min"], max: last.request["balance_max"] };
    },
    isClosed: (account, deed) => lastBefore(of(account).closings, deed)?.does === "close_account",
  };
}

/** The change that holds during a call, if one is sure to. */
function lastBefore(changes: Deed[], { sent, ended, does, lost }: Deed): Deed | undefined {
  if (ended === undefined || lost > 0 || does === "enqueue_transactions") return undefined;
  const happened = changes.filter(({ fate, lost: n }) => fate !== "refused" || n > 0);
  const before = happened.filter(
    (one) => one.lost === 0 && one.ended !== undefined && one.ended < sent,
  );
  const isAlone = happened.every((one) => before.includes(one) || one.sent > ended);
  const last = before.toSorted((a, b) => a.ended! - b.ended!).at(-1);
  const isLast = before.every((one) => one === last || one.ended! < last!.sent);
  return isAlone && isLast ? last : undefined;
}
