import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ClientBase } from "pg";

/** The migrations of this package. */
export const MIGRATIONS = resolve(import.meta.dirname, "../../migrations");

/** A migration as the database knows it: `000001.sql`, and the hash over its text and all before it. */
export type Release = { filename: string; hash: string };

/**
 * Refuses a database that another version of Daybook migrated: its functions are not those that this one calls.
 * One whose schema was not made by migrations, as by hand for a try, tells nothing and passes.
 * @throws Error saying which is older and what to do
 */
export async function checkRelease(client: Pick<ClientBase, "query">): Promise<void> {
  const { rows } = await client.query<{ isReadable: boolean }>(`
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as "isReadable"
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'graphile_migrate' and c.relname = 'migrations'`);
  if (!rows[0]) return;
  // `migrate` lets everybody read it; that of older versions did not.
  if (!rows[0].isReadable) throw new Error(older());
  const applied = await client.query<Release>(
    "select filename, hash from graphile_migrate.migrations order by filename desc limit 1",
  );
  const [here, there] = [newestCommitted(), applied.rows[0]];
  if (!there || there.filename < here.filename) {
    throw new Error(
      older(` (to ${there?.filename ?? "nothing"}; this one needs ${here.filename})`),
    );
  }
  if (there.filename > here.filename) throw new Error(unknownRelease(there));
  if (there.hash !== here.hash) throw new Error(otherRelease(there, here.filename));
}

const older = (how = "") =>
  `the database was last migrated by an older version of Daybook${how}: run daybook migrate`;

export const unknownRelease = ({ filename }: Release) =>
  `the database has migration ${filename}, which this version of Daybook does not know: ` +
  "use the version that migrated it, or a newer one";

export const otherRelease = ({ filename }: Release, file: string) =>
  `migration ${filename} in the database is not the committed ${file}: ` +
  "one of them was changed after it was applied";

/** Read from its name and its head: nothing here needs the text, or the library that runs it. */
function newestCommitted(): Release {
  const folder = join(MIGRATIONS, "committed");
  const file = readdirSync(folder).toSorted().at(-1)!;
  const [, hash] = /^--! Hash: (\S+)$/m.exec(readFileSync(join(folder, file), "utf8"))!;
  return { filename: `${/^\d+/.exec(file)![0]}.sql`, hash: hash! };
}
