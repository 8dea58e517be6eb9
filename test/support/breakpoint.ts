import type { TestDatabase } from "./database.ts";
import { openSession, type Session } from "./sessions.ts";

/**
 * Makes sessions stop where a PL/pgSQL function begins, until `release()`: a look from inside at a moment
 * that lasts too short to be met otherwise. Whoever stops there waits for `holder`.
 */
export async function breakAt(
  database: TestDatabase,
  procedure: string,
): Promise<{ holder: Session; release(): Promise<void>; remove(): Promise<void> }> {
  const { rows } = await database.pool.query(
    "select pg_get_functiondef($1::regproc) as definition, $1::regproc::oid as oid",
    [procedure],
  );
  const original: string = rows[0].definition;
  const stop = `perform from public.breakpoint_${rows[0].oid} for share;`;
  await database.pool.query(`
    create table public.breakpoint_${rows[0].oid} as select;
    grant select, update on public.breakpoint_${rows[0].oid} to public;
    ${original.replace("\nbegin\n", `\nbegin\n  ${stop}\n`)};`);
  const holder = await openSession(database, "test_admin");
  await holder.step("begin");
  await holder.step(`select from public.breakpoint_${rows[0].oid} for update`);
  return {
    holder,
    release: async () => void (await holder.step("commit")),
    remove: async () =>
      void (await database.pool.query(`${original}; drop table public.breakpoint_${rows[0].oid}`)),
  };
}
