import { withSettings } from "./database-url.ts";

/**
 * What a database or a login may carry for the sake of applications, and what would do harm to ours without a word: at another
 * isolation level conditions are refused, limits of time cut off what takes as long as it has to, warnings are not
 * told, times and texts are read otherwise than they were written, what cannot be is not looked for.
 *
 * Other settings stay as they are: `synchronous_commit`, what the planner may do, `default_transaction_read_only`, whose errors
 * nobody overlooks, `lock_timeout`, and `idle_in_transaction_session_timeout`, for a program that is stopped in the middle.
 */
const OURS = {
  default_transaction_isolation: "read committed",
  statement_timeout: "0",
  transaction_timeout: "0",
  idle_session_timeout: "0",
  row_security: "on",
  client_min_messages: "notice",
  datestyle: "ISO,YMD",
  standard_conforming_strings: "on",
  "plpgsql.check_asserts": "on",
};

/**
 * The same database, for a session of our own programs, whatever its defaults are.
 * @param settings others besides, which win
 */
export function ownSession(
  connectionString: string,
  settings: Record<string, string> = {},
): string {
  return withSettings(connectionString, { ...OURS, ...settings });
}
