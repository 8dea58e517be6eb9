import type { Row } from "../doors/door.ts";
import { isTeam } from "./accounts.ts";
import type { Plan, Verdict } from "./deed.ts";
import { chance, pick, upTo, type Draw } from "./draw.ts";
import type { Acknowledged, Known } from "./known.ts";
import { PAGES } from "./statements.ts";

/** What a transaction was from change to change: there is no gap, and what was acknowledged is there as it was. */
export function versions(known: Known, draw: Draw): Plan | undefined {
  const one = pick(draw, known.acknowledged);
  if (!one) return undefined;
  const request = { ledger: known.ledger, transaction_id: one.id };
  const judge = (rows: Row[]) => judgeVersions(known, one, rows);
  return { kind: "read", call: ["transaction_versions", request], judge };
}

function judgeVersions({ ids }: Known, told: Acknowledged, rows: Row[]): Verdict {
  if (rows.some((row, n) => row["version"] !== n + 1))
    return { wrong: `${told.id} has versions ${rows.map(({ version }) => version).join()}` };
  const row = rows[told.version - 1];
  if (!row) return { wrong: `${told.id} has ${rows.length} versions, ${told.version} was told` };
  const lines = (row["entries"] as Row[]).map(({ account_id, direction, amount }) =>
    [account_id, direction, Number(amount)].join(" "),
  );
  const asked = told.lines?.map(({ account, direction, amount }) =>
    [ids.get(account), direction, amount].join(" "),
  );
  const isRight =
    row["status"] === told.status &&
    row["operation"] === told.does &&
    (!asked || asked.join() === lines.join());
  return isRight
    ? undefined
    : { wrong: `${JSON.stringify(told)} is shown as ${JSON.stringify(row)}` };
}

/** What a category holds, newest first, each once; and what was posted to it before anybody asked is there. */
export function categoryLists(known: Known, draw: Draw): Plan {
  const category = pick(draw, ["team", "team", "inner", "crowd"]);
  const does = pick(draw, ["category_entries", "category_transactions"]);
  const heard = pick(
    draw,
    known.posted.filter(({ lines }) => lines.some(({ account }) => isTeam(account))),
  );
  const first = chance(draw, 0.5) ? 1000 : 50 + upTo(draw, 200);
  const request = { ledger: known.ledger, category, first };
  const sought = category === "team" ? heard?.id : undefined;
  const idOf = (row: Row) => row[does === "category_entries" ? "transaction_id" : "id"] as string;
  const members = new Set([...known.ids].filter(([one]) => isTeam(one)).map(([, id]) => id));
  let [last, isFound, pages] = ["g", false, 0];
  const judge = (rows: Row[]): Verdict => {
    for (const row of rows) {
      if (row["id"] >= last) return { wrong: `${row["id"]} comes after ${last} in ${does}` };
      if (category === "team" && row["account_id"] && !members.has(row["account_id"]))
        return { wrong: `${row["id"]} is of an account that is not in ${category}` };
      last = row["id"];
      isFound ||= idOf(row) === sought;
    }
    if (!sought || isFound) return undefined;
    if (rows.length < first) return { wrong: `${sought} is not among ${does} of ${category}` };
    if (++pages === PAGES) return undefined;
    return { next: [does, { ...request, after: last }] };
  };
  return { kind: "read", call: [does, request], judge };
}
