import type { Pool } from "pg";
import type { Log } from "../log.ts";
import { checkLedger } from "../migrate/check-version.ts";
import type { Identity } from "./auth.ts";

/**
 * Refuses a database that cannot be served, and a login that cannot serve it.
 * @param hasTokens whether callers have tokens; without, every caller is trusted
 * @returns as whom a trusted caller acts: the most that the server's login may become, in all ledgers
 * @throws Error saying what is missing
 */
export async function checkDatabase(pool: Pool, log: Log, hasTokens: boolean): Promise<Identity> {
  await checkLedger(pool);
  const { rows } = await pool.query<{ login: string; roles: string[] }>(`
    select session_user::text as login,
           array(select rolname::text
                   from unnest(array['daybook_admin', 'daybook_writer', 'daybook_auditor', 'daybook_reader'])
                          with ordinality as role (name, position)
                   join pg_catalog.pg_roles on rolname = name
                  where pg_has_role(session_user, pg_roles.oid, 'set')
                  order by position) as roles`);
  const { login, roles } = rows[0]!;
  const role = roles[0];
  if (!role)
    throw new Error(`${login} may take none of the ledger's roles, daybook_reader or above`);
  if (login !== "daybook_authenticator") {
    // The database goes by the login's name, see daybook_private.readable_ledgers.
    if (hasTokens) {
      throw new Error(
        `connected as ${login}: the ledgers of callers' tokens would not be looked at, and every caller could use all that ` +
          `${login} may. With a key for tokens the login must be daybook_authenticator`,
      );
    }
    log.warn(
      `connected as ${login}, not as daybook_authenticator: what ${login} itself was granted decides`,
    );
  }
  return { role, ledgers: ["*"], categories: [], subject: "" };
}
