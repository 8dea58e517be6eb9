import { pause } from "../../src/worker/pause.ts";
import type { Door, Outcome, Row } from "../doors/door.ts";
import type { SqlDoor } from "../doors/sql.ts";
import { decide, type Draw, type Wish } from "./decide.ts";
import { isRepeatable, type Deed, type Plan, type SentBy } from "./deed.ts";
import { read, scandalOf, verdictOf } from "./read.ts";
import { count, learn, type Known } from "./known.ts";

export type ClientOptions = {
  name: string;
  door: Door | SqlDoor;
  /** The way in of whoever may read what this one granted him; if it grants anything. */
  guest?: Door | undefined;
  /** What it can want, and how often. */
  wishes: [number, Wish][];
  known: Known;
  /** What it draws for its n-th decision: the same for the same seed, whatever has happened. */
  draw: (n: number) => Draw;
  /** Ends its decisions; what it began it brings to an end. */
  stop: AbortSignal;
  /** Ends even that. */
  giveUp: AbortSignal;
};

/** What it takes to carry out what is decided. */
export type Working = Omit<ClientOptions, "wishes" | "draw">;

/** Decides, asks, writes down what came of it; and repeats what it does not know, as the contract says it may. */
export async function runClient(options: ClientOptions): Promise<void> {
  const { door, known, stop } = options;
  for (let n = 0; !stop.aborted; n++) {
    const plan = decide(options.wishes, known, options.draw(n), `${options.name}-${n}`, door.kind);
    await carryOut(options, plan);
  }
  await door.close();
  await options.guest?.close();
}

export async function carryOut(options: Working, plan: Plan): Promise<void> {
  if (plan.kind === "rest") return void (await pause(200, options.stop));
  if (plan.kind === "read") return read(options, plan);
  if (plan.kind === "again") return again(options, plan);
  const { deeds } = plan;
  const { known } = options;
  (deeds[0]!.ledger === known.past.ledger ? known.past : known).deeds.push(...deeds);
  const sentBy = sentByOf(plan);
  for (const deed of deeds)
    Object.assign(deed, { sent: performance.now(), ...(sentBy && { sentBy }) });
  if (plan.kind === "several") {
    const calls = deeds.map(({ does, request }): [string, object] => [does, request]);
    const attempt = () => (options.door as SqlDoor).several(calls, plan.end, plan.isolation);
    return pursue(options, deeds, attempt, plan.end);
  }
  const attempt = async () => {
    const outcome = await options.door.call(...plan.call);
    if (plan.judge && outcome.is === "answered") {
      const verdict = verdictOf(plan.judge, outcome.rows);
      const wrong = typeof verdict === "object" ? verdict.wrong : verdict;
      if (wrong) known.lies.push({ what: wrong, about: deeds[0]!.id });
    }
    return spread(outcome, deeds.length);
  };
  await pursue(options, deeds, attempt);
}

function sentByOf(plan: Plan & { kind: "call" | "several" }): SentBy | undefined {
  const { id, does } = plan.deeds[0]!;
  if (plan.kind === "several") return { id, isolation: plan.isolation, end: plan.end };
  const [name, { atomic, transactions }] = plan.call;
  if (name === does && !transactions) return undefined;
  return { id, does: name, ...(atomic !== undefined && { atomic }) };
}

/** A call's outcome is that of all its deeds, or each row is that of one. */
export function spread(outcome: Outcome, deeds: number): Outcome[] {
  return Array.from({ length: deeds }, (_, n): Outcome => {
    if (outcome.is !== "answered") return outcome;
    const row = outcome.rows[n] ?? {};
    // A kept decline has an error and a transaction.
    if (row["transaction_id"] || !row["error_code"]) return { is: "answered", rows: [row] };
    return { is: "refused", code: row["error_code"], detail: JSON.stringify(row["error_detail"]) };
  });
}

/** Who asks, and what he does with the answer. */
type Asker = Pick<ClientOptions, "name" | "door" | "known" | "giveUp">;

/**
 * Tries until it knows: what was lost is repeated if that is safe, which is what keys are for. Who has to give up says so: nothing disturbs
 * by then.
 */
export async function pursue(
  options: Asker,
  deeds: Deed[],
  attempt: () => Promise<Outcome[]>,
  end: "commit" | "rollback" = "commit",
): Promise<void> {
  const isSafe = deeds.every(isRepeatable);
  for (let tries = 1; ; tries++) {
    const sentAt = Date.now();
    for (const deed of deeds) deed.sentAt = sentAt;
    const outcomes = await attempt();
    for (const [n, deed] of deeds.entries()) settle(options, deed, outcomes[n]!, end);
    const worst =
      outcomes.find(({ is }) => is === "lost") ?? outcomes.find(({ is }) => is === "busy");
    if (!worst || (worst.is === "lost" && (!isSafe || end === "rollback"))) return;
    if (options.giveUp.aborted) {
      const what = `${deeds[0]!.does} never came to an end: ${JSON.stringify(worst)}`;
      return void options.known.lies.push({ what, about: deeds[0]!.id });
    }
    await pause(Math.min(10 * 2 ** tries, 500), options.giveUp);
  }
}

function settle(options: Asker, deed: Deed, outcome: Outcome, end: "commit" | "rollback") {
  const { known } = options;
  count(known, deed.does, outcome.is === "answered" ? kindOf(outcome.rows[0]!) : outcome.code);
  deed.way ||= `${options.name} ${options.door.kind}`;
  if (outcome.is === "lost" && end === "commit") deed.lost += 1;
  if (outcome.is === "busy" || (outcome.is === "lost" && end === "commit")) {
    const scandal = scandalOf(outcome);
    if (scandal) known.lies.push({ what: `${deed.does} ${scandal}`, about: deed.id });
    return;
  }
  deed.ended = performance.now();
  deed.fate = outcome.is === "answered" ? "done" : "refused";
  if (outcome.is === "refused") [deed.code, deed.detail] = [outcome.code, outcome.detail];
  if (deed.mustBe !== undefined && deed.code !== deed.mustBe) {
    const told = deed.code ?? JSON.stringify(outcome);
    known.lies.push({
      what: `${deed.does} must be ${deed.mustBe}, and was ${told}`,
      about: deed.id,
    });
  }
  if (outcome.is !== "answered") return;
  const row = outcome.rows[0] ?? {};
  deed.answer = row;
  if (row["replayed"] && deed.lost === 0)
    known.lies.push({ what: "called a replay, and is the first", about: deed.id });
  learn(known, deed, row);
}

const kindOf = (row: Row): string =>
  row?.["replayed"] ? "replayed" : (row?.["status"] ?? row?.["state"] ?? "ok");

/** The same call gives the same answer, however late; the same key with another request is refused. */
async function again(
  { known, door }: Working,
  { deed, isChanged }: Plan & { kind: "again" },
): Promise<void> {
  const request = isChanged ? { ...deed.request, description: "another" } : deed.request;
  const outcome = await door.call(deed.does, request);
  const scandal = scandalOf(outcome);
  if (scandal) known.lies.push({ what: `${deed.does}, repeated, ${scandal}`, about: deed.id });
  if (outcome.is === "busy" || outcome.is === "lost") return;
  count(known, "repeated", outcome.is === "refused" ? outcome.code : kindOf(outcome.rows[0]!));
  const told = outcome.is === "refused" ? outcome.code : outcome.rows[0]!;
  const detail = outcome.is === "refused" ? outcome.detail : undefined;
  const first = deed.answer!;
  const isRight = isChanged
    ? told === "LDIDM"
    : typeof told === "object" &&
      told["replayed"] === true &&
      ["transaction_id", "status", "version", "archived_reason"].every(
        (name) => told[name] === first[name],
      );
  if (!isRight)
    known.lies.push({
      what: `repeated${isChanged ? " with a change" : ""}: ${JSON.stringify([first, told, detail])}`,
      about: deed.id,
    });
}
