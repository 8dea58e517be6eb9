import type { Args, Row } from "../doors/door.ts";
import { isPossible } from "../checks/codes.ts";
import { deedOf, type Plan } from "./deed.ts";
import { chance, pick, upTo, weighted, type Draw } from "./draw.ts";
import type { Known } from "./known.ts";
import { anyLines, plainLines, teamLines } from "./lines.ts";

/** How far the clients' clocks are off, in milliseconds. */
export const clock = { offset: 0 };
export const clientTime = (later: number, offset = clock.offset) =>
  new Date(Date.now() + offset + later).toISOString();

/** When a hold is to expire: by a clock that is right half of the time, for by one that is an hour off it is refused, or never does. */
export const expiry = (draw: Draw): string =>
  clientTime(200 + draw() * 3_000, chance(draw, 0.5) ? 0 : clock.offset);

const DAY = 86_400_000;

/** A request for one transaction, named after its id. */
function request(known: Known, draw: Draw, id: string, isKeyed: boolean): Args {
  const entries = chance(draw, 0.3) ? plainLines(draw) : anyLines(known, draw);
  const args: Args = { entries, description: id };
  if (isKeyed) args["idempotency_key"] = id;
  if (chance(draw, 0.3)) args["status"] = "pending";
  if (args["status"] && chance(draw, 0.3)) args["expires_at"] = expiry(draw);
  if (chance(draw, 0.25)) args["effective_at"] = clientTime((draw() - 0.7) * 3 * DAY);
  else if (chance(draw, 0.03)) args["effective_at"] = `2019-0${upTo(draw, 9)}-15T00:00:00Z`;
  const [isDeclinable, isNamed] = [chance(draw, 0.08), chance(draw, 0.08)];
  if (isDeclinable) args["archive_on_lock_failure"] = true;
  else if (isNamed) args["external_id"] = `external-${upTo(draw, 40)}`;
  if (chance(draw, args["status"] ? 0.4 : 0.05)) args["metadata"] = { by: id };
  if (chance(draw, 0.15)) {
    args["entries"] = teamLines(draw);
    args["category_locks"] = [{ category: "team", available_balance: { gte: 0 } }];
    // `inner` does not contain all of them, so that it is never locked alone. Others leave less in it than is asked here.
    if (chance(draw, 0.3)) {
      const bound = upTo(draw, 200) - 50;
      args["category_locks"].unshift({ category: "inner", available_balance: { gte: bound } });
    }
  } else if (chance(draw, 0.06)) {
    args["entries"] = plainLines(draw);
    args["category_locks"] = [
      {
        category: "crowd",
        available_balance: { gte: -upTo(draw, 1_000) },
        posted_balance: { lte: 500 },
      },
    ];
  }
  return args;
}

/** The commonest requests have no description and ask little, and the ledger has a way of its own for them. */
function simplify(args: Args, id: string, draw: Draw): void {
  const { entries, status, category_locks: locks } = args;
  if (status || locks) return;
  for (const name of ["description", "effective_at", "external_id", "archive_on_lock_failure"])
    delete args[name];
  args["metadata"] = { by: id };
  if (entries.length > 2 || chance(draw, 0.3)) return;
  for (const entry of entries) {
    const { account, direction, amount, available_balance: bounds } = entry;
    for (const asked of Object.keys(entry)) delete entry[asked];
    Object.assign(entry, {
      account,
      direction,
      amount,
      ...(bounds && { available_balance: { gte: 0 } }),
    });
  }
}

export function createOne(known: Known, draw: Draw, id: string): Plan {
  const { ledger } = known;
  const args: Args = { ledger, ...request(known, draw, id, chance(draw, 0.9)) };
  if (chance(draw, 0.7)) simplify(args, id, draw);
  if (chance(draw, 0.03)) {
    const { idempotency_key: _, ...rest } = args;
    return rehearse(rest);
  }
  const deeds = [deedOf("create_transaction", args, id)];
  return { kind: "call", call: ["create_transaction", args], deeds };
}

/** The whole call, and nothing is kept: nobody asked for it, so nothing of it may be found in the end. */
function rehearse(args: Args): Plan {
  const status = args["status"] ?? "posted";
  const judge = ([row]: Row[]) =>
    row!["transaction_id"] === null &&
    [status, row!["archived_reason"] && "archived"].includes(row!["status"])
      ? undefined
      : { wrong: `a rehearsal was answered by ${JSON.stringify(row)}` };
  const call: [string, Args] = ["create_transaction", { ...args, dry_run: true }];
  const deed = deedOf("create_transaction", args, "rehearsal");
  return { kind: "read", call, judge, refused: { may: (code) => isPossible(deed, code) } };
}

export function batch({ ledger, ...known }: Known, draw: Draw, id: string): Plan {
  const members = Array.from({ length: upTo(draw, 20) }, (_, n) =>
    request({ ledger, ...known }, draw, `${id}/${n}`, true),
  );
  const atomic = chance(draw, 0.2);
  if (atomic) for (const member of members) delete member["archive_on_lock_failure"];
  const deeds = members.map((member) => ({
    ...deedOf("create_transaction", { ledger, ...member }, member["description"]),
    way: "batch",
    ...(atomic && { amid: members }),
  }));
  return {
    kind: "call",
    call: ["create_transactions", { ledger, transactions: members, atomic }],
    deeds,
  };
}

export function enqueue({ ledger, ...known }: Known, draw: Draw, id: string): Plan {
  const members = Array.from({ length: upTo(draw, 8) }, (_, n) =>
    request({ ledger, ...known }, draw, `${id}/${n}`, true),
  );
  const deeds = members.map((member) =>
    deedOf("enqueue_transactions", { ledger, ...member }, member["description"]),
  );
  return { kind: "call", call: ["enqueue_transactions", { ledger, transactions: members }], deeds };
}

/** Up to three calls that are kept or given up together. Only the first may wait: who holds accounts and waits for others can deadlock. */
export function several(known: Known, draw: Draw, id: string, door: string): Plan | undefined {
  if (door !== "sql") return undefined;
  const isolation = weighted(draw, [
    [2, "read committed"],
    [1, "repeatable read"],
    [1, "serializable"],
  ] as const);
  const deeds = Array.from({ length: upTo(draw, 3) }, (_, n) => {
    const name = `${id}/${n}`;
    const entries =
      n > 0 || isolation !== "read committed" ? plainLines(draw) : anyLines(known, draw);
    const args = { ledger: known.ledger, entries, description: name, idempotency_key: name };
    return deedOf("create_transaction", args, name);
  });
  for (const deed of deeds) deed.amid = deeds.map((one) => one.request);
  return { kind: "several", deeds, isolation, end: chance(draw, 0.75) ? "commit" : "rollback" };
}

export function transferBetween({ ledger, otherLedger }: Known, draw: Draw, id: string): Plan {
  const isBack = chance(draw, 0.5);
  const here = pick(draw, ["free:1", "free:2", "limited:1"]);
  const args: Args = {
    from_ledger: isBack ? otherLedger : ledger,
    from_account: isBack ? "there" : here,
    to_ledger: isBack ? ledger : otherLedger,
    to_account: isBack ? here : "there",
    amount: upTo(draw, 40),
    from_clearing_account: "clearing",
    to_clearing_account: "clearing",
    idempotency_key: id,
    description: id,
  };
  if (chance(draw, 0.2)) args["effective_at"] = clientTime(-draw() * DAY);
  if (chance(draw, 0.2)) args["metadata"] = { by: id };
  const deeds = [deedOf("transfer_between_ledgers", args, id)];
  return { kind: "call", call: ["transfer_between_ledgers", args], deeds };
}
