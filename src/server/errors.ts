import { createHash, randomBytes } from "node:crypto";
import { GraphQLError } from "postgraphile/graphql";
import { isSafeError } from "postgraphile/grafast";
import { describeError, errorCode } from "../errors.ts";
import { parseExactly } from "../exact-json.ts";
import type { Log } from "../log.ts";

/** The database could not do it now: the request may be repeated as it is, with the same key. */
const TRANSIENT: Readonly<Record<string, string>> = {
  "40001": "SERIALIZATION_FAILURE",
  "40003": "STATEMENT_COMPLETION_UNKNOWN",
  "40P01": "DEADLOCK_DETECTED",
  "55P03": "LOCK_NOT_AVAILABLE",
  "57014": "QUERY_CANCELED",
  "25006": "READ_ONLY",
  "08000": "CONNECTION_FAILURE",
  "08001": "CONNECTION_FAILURE",
  "08003": "CONNECTION_FAILURE",
  "08004": "CONNECTION_FAILURE",
  "08006": "CONNECTION_FAILURE",
  "08007": "CONNECTION_FAILURE",
  "53300": "TOO_MANY_CONNECTIONS",
  "53400": "CONFIGURATION_LIMIT_EXCEEDED",
  "57P01": "SERVER_SHUTDOWN",
  "57P02": "SERVER_SHUTDOWN",
  "57P03": "SERVER_SHUTDOWN",
  "57P04": "SERVER_SHUTDOWN",
  "57P05": "SERVER_SHUTDOWN",
};

const REPEAT = "Repeat the request as it is, with its idempotency key.";
const ASK_FOR_LESS =
  "Ask for less in one request. Of a mutation nothing was kept, and it may be repeated with its idempotency key.";
/** What to do after errors that PostgreSQL has no advice for. */
const HINTS: Readonly<Record<string, string>> = {
  // A role that a function is not granted to never gets as far as the ledger's own refusals.
  "42501": "Ask an administrator for a role that may do this.",
  "25P03": ASK_FOR_LESS,
  "25P04": ASK_FOR_LESS,
};

/** What a caller is told about: SQLSTATE and the symbol that GraphQL shows for it. All else stays masked. */
export const SYMBOLS: Readonly<Record<string, string>> = {
  "42501": "PERMISSION_DENIED",
  "0A000": "FEATURE_NOT_SUPPORTED",
  LDARG: "INVALID_ARGUMENT",
  LDISO: "ISOLATION_LEVEL",
  LDIDM: "IDEMPOTENCY_KEY_REUSED",
  LDAMT: "INVALID_AMOUNT",
  LDLED: "LEDGER_NOT_FOUND",
  LDACC: "ACCOUNT_NOT_FOUND",
  LDCTG: "CATEGORY_NOT_FOUND",
  LDTXN: "TRANSACTION_NOT_FOUND",
  LDRCP: "RECEIPT_NOT_FOUND",
  LDDUP: "ALREADY_EXISTS",
  LDCUR: "CURRENCY_MISMATCH",
  LDUNB: "UNBALANCED",
  LDEXT: "EXTERNAL_ID_TAKEN",
  LDSTA: "INVALID_STATUS",
  LDCLS: "ACCOUNT_CLOSED",
  LDPER: "PERIOD_CLOSED",
  LDVER: "VERSION_CONFLICT",
  LDBAL: "BALANCE_CONDITION",
  LDLIM: "BALANCE_LIMIT",
  LDCAT: "CATEGORY_CONDITION",
  LDCYC: "CATEGORY_CYCLE",
  LDQUE: "QUEUE_FULL",
  LDIMM: "IMMUTABLE",

  ...TRANSIENT,

  "25P03": "TRANSACTION_TIMEOUT",
  "25P04": "TRANSACTION_TIMEOUT",

  // A value that is no value of its type never reaches the ledger's own checks.
  "22P02": "INVALID_ARGUMENT",
  "22P05": "INVALID_ARGUMENT",
  "22003": "INVALID_ARGUMENT",
  "22007": "INVALID_ARGUMENT",
  "22008": "INVALID_ARGUMENT",
  "22009": "INVALID_ARGUMENT",
  "22021": "INVALID_ARGUMENT",
};

/** Turns what happened into what the caller may know, and writes the rest to the log. */
export function errorMask(log: Log): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const { originalError: original } = error;
    if (!original || original instanceof GraphQLError) return error;
    const symbol = SYMBOLS[errorCode(original) ?? ""];
    if (original.cause) log.error(`${original.message}: ${describeError(original.cause)}`);
    if (symbol) return withExtensions(error, original.message, ledgerExtensions(original, symbol));
    if (isSafeError(original)) {
      const extensions = original.extensions?.["code"]
        ? original.extensions
        : cursorExtensions(original);
      return withExtensions(error, original.message, { ...extensions });
    }
    const hash = createHash("sha1").update(String(original)).digest("base64url");
    const id = randomBytes(6).toString("base64url");
    const stack = (original.stack ?? String(original)).replace(/\s*\n\s*/g, " | ");
    log.error(`masked error (hash: '${hash}', id: '${id}'): ${stack}`);
    const message = `An error occurred (logged with hash: '${hash}', id: '${id}')`;
    return withExtensions(error, message, { code: "INTERNAL_ERROR", errorId: id });
  };
}

function ledgerExtensions(original: Error, code: string): Record<string, unknown> {
  const said = original as { detail?: string; hint?: string };
  const [sqlstate, detail] = [errorCode(original)!, parse(said.detail)];
  // PostgreSQL's own hints are for whoever can read its log.
  const hint = !detail && TRANSIENT[sqlstate] ? REPEAT : said.hint;
  return { code, sqlstate, detail, hint: hint ?? HINTS[sqlstate] ?? null };
}

/** What PostGraphile itself refuses are cursors that it did not make. */
function cursorExtensions({ message }: Error): Record<string, unknown> {
  const argument = /'(after|before)'/.exec(message)?.[1] ?? "cursor";
  const hint = "Take cursors from a page of the same list in the same order.";
  return { code: SYMBOLS["LDARG"], sqlstate: "LDARG", detail: { argument }, hint };
}

/** The ledger's own details are JSON; PostgreSQL's are prose that may name other people's rows. */
function parse(detail: string | undefined): unknown {
  if (!detail?.startsWith("{")) return null;
  try {
    return parseExactly(detail);
  } catch {
    return null;
  }
}

function withExtensions(
  { nodes, source, positions, path, originalError }: GraphQLError,
  message: string,
  extensions: Record<string, unknown>,
): GraphQLError {
  return new GraphQLError(message, { nodes, source, positions, path, originalError, extensions });
}
