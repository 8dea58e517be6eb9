import { ownSession } from "../session.ts";

/**
 * A session in which a whole ledger is read or written: times in UTC, and no limit of time, whatever the
 * login has.
 * @param settings others besides
 */
export function longSession(
  connectionString: string,
  settings: Record<string, string> = {},
): string {
  return ownSession(connectionString, {
    timezone: "UTC",
    idle_in_transaction_session_timeout: "0",
    ...settings,
  });
}
