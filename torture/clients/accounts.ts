type Group = "free" | "limited" | "capped" | "changing" | "team" | "eur" | "world" | "clearing";

/**
 * The accounts that clients fight over: few, so that they collide. All are in USD and credit-normal but for `eur:…`.
 * What binds the accounts of a group is the same as long as the ledger lives, but for `changing:…`.
 */
export const GROUPS: Record<Group, string[]> = {
  /** Nothing binds them. */
  free: ["free:1", "free:2", "free:3"],
  /** Never below nothing: `balance_min` 0. */
  limited: ["limited:1", "limited:2"],
  /** `balance_max` 400. */
  capped: ["capped:1"],
  /** Limits come and go, and now and then they are closed. */
  changing: ["changing:1", "changing:2"],
  /** In the category `team`, directly or through `inner`; money leaves them under its lock only. */
  team: ["team:1", "team:2", "team:3"],
  eur: ["eur:1", "eur:2"],
  /** Where money comes from, and where transfers to the other ledger pass. */
  world: ["world"],
  clearing: ["clearing"],
};

export const ALL: string[] = Object.values(GROUPS).flat();
export const LIMITS: Record<string, { min?: number; max?: number }> = {
  "limited:1": { min: 0 },
  "limited:2": { min: 0 },
  "capped:1": { max: 400 },
};
export const CATEGORIES: Record<string, string[]> = {
  inner: ["team:2", "team:3"],
  team: ["team:1", "inner"],
  /** Its members come and go. */
  crowd: ["free:1"],
};
export const currencyOf = (account: string) => (account.startsWith("eur") ? "EUR" : "USD");
export const isTeam = (account: string) => account.startsWith("team");
