import type { Answer } from "../graphql/server.ts";
import { CONTRACT } from "./outcome.ts";

/** What PostgreSQL says of texts that are no value of their type, before the ledger sees them. */
const NO_VALUE = /^(22P02|22P05|22003|22007|22008|22009|22021)$/;

/** What the manual does not allow of an answer of the GraphQL server, or null. */
export function problemOf({ status, errors = [] }: Answer): string | null {
  for (const { message, extensions } of errors) {
    const { code, sqlstate } = extensions ?? {};
    if (code === undefined && status === 400) continue; // GraphQL's own: not of the type
    if (code === "ROLLED_BACK") continue;
    if (CONTRACT.test(sqlstate ?? "") || NO_VALUE.test(sqlstate ?? "")) continue;
    return `${status} ${code ?? ""} ${sqlstate ?? ""} ${message.slice(0, 300)}`;
  }
  return status === 200 || errors.length > 0 ? null : `${status} without an error`;
}
