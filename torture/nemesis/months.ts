import { chance, upTo, type Draw } from "../clients/draw.ts";
import type { Past } from "../clients/past.ts";
import { connectTo, type Postgres } from "../stage/postgres.ts";
import type { Stage } from "../stage/stage.ts";
import type { Evil } from "./nemesis.ts";

type Move = { call: "detach_month" | "attach_month"; month: Date };

/** What can be done next: go on with the month on its way, or take out the next one, or put back the last one. */
async function nextMove({ postgres, past }: Stage, draw: Draw): Promise<Move> {
  const { rows } = await postgres.ask(
    "select month, state from daybook_private.detachments order by month",
  );
  const last = rows.at(-1) as { month: Date; state: string } | undefined;
  if (last?.state === "detaching") return { call: "detach_month", month: last.month };
  const next = past.months[rows.length];
  if (last && (last.state === "attaching" || !next || chance(draw, 0.5)))
    return { call: "attach_month", month: last.month };
  return { call: "detach_month", month: next! };
}

/**
 * Moves so many portions of a month, each in a transaction of its own, and notes since when it may be away, or that it is back.
 * @returns whether the month is where it was to go
 */
async function move(
  postgres: Postgres,
  { absences }: Past,
  { call, month }: Move,
  size: number,
  times: number,
): Promise<boolean> {
  const open = absences.find(
    (one) => one.month.getTime() === month.getTime() && one.until === undefined,
  );
  const absence = open ?? { month, from: performance.now(), until: undefined };
  if (!open) absences.push(absence);
  const client = await connectTo(postgres.url());
  try {
    for (let n = 0; n < times; n++) {
      const { rows } = await client.query(`select m.state from daybook.${call}($1, $2) m`, [
        month,
        size,
      ]);
      const isBack = call === "attach_month" && rows[0].state === null;
      if (isBack) absence.until = performance.now();
      if (isBack || rows[0].state === "detached") return true;
    }
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Months are left half away: whatever goes wrong next meets them so. */
const moveMonths: Evil = {
  name: "move old months",
  weight: 16,
  async act(stage, draw) {
    const next = await nextMove(stage, draw);
    const what = `${next.call} ${next.month.toISOString().slice(0, 7)}`;
    try {
      const isDone = await move(stage.postgres, stage.past, next, upTo(draw, 25), upTo(draw, 4));
      return isDone ? `${what} done` : what;
    } catch (error) {
      // Killed in the middle: then that portion is where it was, or where it was to go.
      if (/^(57P|08|E)/.test((error as { code?: string }).code ?? "08")) return `${what} disturbed`;
      throw error;
    }
  },
};

/** What draws always the same: to put a month back where that is possible. */
const backwards: Draw = () => 0;

/** Puts all months back. */
export async function putBack(stage: Stage): Promise<void> {
  for (;;) {
    const { rowCount } = await stage.postgres.ask("select from daybook_private.detachments");
    if (rowCount === 0) return;
    await move(stage.postgres, stage.past, await nextMove(stage, backwards), 1000, 1000);
  }
}

export const monthEvils = [moveMonths];
