import type { Pool } from "pg";
import { newPast, readEvidence, type Evidence } from "../checks/evidence.ts";
import { reporter, type Finding } from "../checks/finding.ts";
import { judgeEvidence } from "../checks/judge-evidence.ts";
import { carryOut } from "../clients/client.ts";
import { newKnown, type Known } from "../clients/known.ts";
import { openSqlDoor, type SqlDoor } from "../doors/sql.ts";
import { recordedCalls, planOf, type Call } from "./calls.ts";
import { newTranslator } from "./translate.ts";

/** How long one call may be tried again, in milliseconds. */
const PATIENCE = 30_000;

/** Where it is played: a database without any of its ledgers, as the superuser. */
type Scene = { url: string; pool: Pool; role: string };

/**
 * Plays a history again: each call begins when those have ended that had ended before it was sent, so calls that overlapped do so again, over SQL.
 * What went wrong around them is not played, nor what concerned the ledger with a past, whose months would have to leave.
 * @returns what is wrong with what came of it, and how many calls could not be made, because what they name was not made this time
 */
export async function replay(
  evidence: Evidence,
  scene: Scene,
): Promise<{ findings: Finding[]; skipped: number }> {
  const known = newKnown(evidence.here.ledger, evidence.abroad.ledger, newPast(""));
  const skipped = await playCalls(evidence, known, scene);
  await finish(scene.pool);
  const { findings } = judgeEvidence(await readEvidence(scene.pool, known));
  for (const { what, about } of known.lies) reporter(findings, "answers")(what, about);
  return { findings, skipped };
}

async function playCalls(evidence: Evidence, known: Known, { url, role }: Scene): Promise<number> {
  const { translate, isKnown, learn } = newTranslator(evidence, role);
  const free: SqlDoor[] = [];
  const all: SqlDoor[] = [];
  let skipped = 0;
  const open = () => {
    all.push(openSqlDoor(url));
    return all.at(-1)!;
  };
  const play = async (call: Call) => {
    const requests = [...call.deeds, ...(call.read ? [call.read] : [])].map(
      ({ request }) => request,
    );
    if (!requests.every(isKnown)) return void skipped++;
    const door = free.pop() ?? open();
    const giveUp = AbortSignal.timeout(PATIENCE);
    const plan = planOf(call, translate);
    await carryOut(
      { name: call.read?.client ?? "replay", door, known, stop: giveUp, giveUp },
      plan,
    );
    free.push(door);
    if ("deeds" in plan) for (const [n, deed] of plan.deeds.entries()) learn(call.deeds[n]!, deed);
  };
  const played: { ended: number; end: Promise<void> }[] = [];
  for (const call of recordedCalls(evidence)) {
    const before = played.filter(({ ended }) => ended < call.sent).map(({ end }) => end);
    played.push({ ended: call.ended, end: Promise.all(before).then(() => play(call)) });
  }
  try {
    await Promise.all(played.map(({ end }) => end));
    return skipped;
  } finally {
    for (const door of all) await door.close();
  }
}

/** Does what workers would: applies what is queued. */
async function finish(pool: Pool): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const queued = "select distinct ledger from daybook_private.queued_transactions";
    const { rows } = await pool.query(queued);
    if (rows.length === 0 || Date.now() > deadline) break; // the receipts of what is left tell
    // The first call for a ledger only begins.
    for (const { ledger } of rows)
      await pool.query("select daybook_private.drain_queue($1, 1000)", [ledger]);
  }
  const waiting = "select distinct ledger, account_id from daybook_private.entry_queue";
  for (const { ledger, account_id: account } of (await pool.query(waiting)).rows)
    await pool.query("select daybook_private.fold_account($1, $2)", [ledger, account]);
}
