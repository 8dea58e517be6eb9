import type { Pool } from "pg";
import type { Row, Statement } from "./sessions.ts";

/** What a client knows of its calls, each of which has a key that is also its description. */
export type Diary = {
  /** Key and id of what was acknowledged. */
  acknowledged: Map<string, string>;
  /** Calls whose answer got lost. */
  unknown: Map<string, Statement>;
  /** Ids of pending transactions, and what was acknowledged of their end. */
  pending: string[];
  ended: Map<string, string>;
  /** How many changes of a pending transaction were acknowledged, and of how many the answer got lost. */
  changes: Map<string, number>;
  lost: Map<string, number>;
  /** How often each outcome was met: a status or the code of an error. */
  outcomes: Record<string, number>;
};

export const newDiary = (): Diary => ({
  acknowledged: new Map(),
  unknown: new Map(),
  pending: [],
  ended: new Map(),
  changes: new Map(),
  lost: new Map(),
  outcomes: {},
});

/** Writes down an acknowledged transaction. */
export function note(diary: Diary, key: string, row: Row): void {
  diary.unknown.delete(key);
  diary.acknowledged.set(key, row["transaction_id"]);
  if (row["status"] === "pending") diary.pending.push(row["transaction_id"]);
}

/** Counts one more of something. */
export const add = (counts: Map<string, number>, one: string, more = 1) =>
  counts.set(one, (counts.get(one) ?? 0) + more);

/** Counts an outcome. */
export const count = ({ outcomes }: Diary, outcome: string) =>
  (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);

/** What the clients were told and the books do not say, or say twice; nothing if they agree. */
export async function contradictions(
  pool: Pick<Pool, "query">,
  ledger: string,
  diaries: Diary[],
): Promise<string[]> {
  const { rows } = await pool.query<Row>(
    `select id, status, description as key, version - 1 - (archived_reason is not distinct from 'expired')::integer as changes
       from daybook.transactions where ledger = $1 and description is not null`,
    [ledger],
  );
  const found: string[] = [];
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    if (byKey.has(row["key"])) found.push(`made twice: ${row["key"]}`);
    byKey.set(row["key"], row);
  }
  const byId = new Map(rows.map((row) => [row["id"], row]));
  for (const diary of diaries) {
    for (const [key, id] of diary.acknowledged) {
      if (byKey.get(key)?.["id"] !== id) found.push(`acknowledged and not there: ${key} ${id}`);
    }
    for (const [id, end] of diary.ended) {
      const status = byId.get(id)?.["status"];
      if (status !== end) found.push(`acknowledged as ${end}: ${id} is ${status}`);
    }
    found.push(...miscounted(diary, byId));
  }
  const told = new Set(diaries.flatMap((d) => [...d.acknowledged.keys(), ...d.unknown.keys()]));
  for (const key of byKey.keys()) if (!told.has(key)) found.push(`nobody was told: ${key}`);
  return found;
}

/** Transactions of a client that were changed more or less often than he was told. */
function miscounted(diary: Diary, byId: Map<string, Row>): string[] {
  return [...new Set(diary.acknowledged.values())].flatMap((id) => {
    const changes = byId.get(id)?.["changes"];
    const told = diary.changes.get(id) ?? 0;
    const isRight = changes >= told && changes <= told + (diary.lost.get(id) ?? 0);
    return isRight ? [] : [`changed ${changes} times, acknowledged ${told}: ${id}`];
  });
}
