import { judgeError, type Args, type Door, type Outcome, type Row } from "./door.ts";

const BALANCE =
  "{ account lockVersion pendingDebits pendingCredits postedDebits postedCredits currency }";
const RESULT = `{ index transactionId status version replayed archivedReason errorCode errorDetail balances ${BALANCE} }`;
const LINES = "{ accountId direction amount }";
const VIOLATION = "{ violation subject facts }";
const RECEIPT = "{ receiptId state idempotencyKey transactionId errorCode }";

/** What is asked back from the functions that only read. */
const QUERIES: Record<string, string> = {
  queued_transaction: RECEIPT,
  account_balance: BALANCE,
  account_balances: BALANCE,
  category_balance: BALANCE,
  trial_balance: "{ account currency postedDebits postedCredits }",
  account_statement:
    "{ openingBalance closingBalance debits credits nextPage entries { entryId transactionId effectiveAt direction amount balance } }",
  search_transactions: "{ id status amount createdAt effectiveAt metadata cursor }",
  transaction_versions: `{ nodes { version status operation entries ${LINES} } }`,
  category_entries: "{ id transactionId accountId }",
  category_transactions: "{ id }",
  allocate: "",
  check_log_head: "",
  log_head: "{ no hash }",
  verify_log: "{ problem no logId detail }",
  verify_accounts: VIOLATION,
  verify_acknowledged: VIOLATION,
  verify_totals: VIOLATION,
  verify_transactions: VIOLATION,
};
/** The same of those that change something. */
const RESULTS: Record<string, string> = {
  open_accounts: "{ id address }",
  set_account_metadata: "{ metadata }",
  delete_account_metadata: "{ metadata }",
  create_category: "{ category }",
  create_currency: "{ code }",
  create_ledger: "{ name }",
  enqueue_transactions: RECEIPT,
  rebuild_balances: "{ account violation before after }",
  rebuild_search: VIOLATION,
  rebuild_from_log: VIOLATION,
};
/** Types of what cannot be written into a query as JSON. */
const TYPES: Record<string, string> = {
  acknowledged: "[AcknowledgedInput]!",
  direction: "Direction",
  metadata: "JSON",
  sort: "SearchSort",
  status: "TransactionStatus",
};
const isResult = (name: string) => /(?<!queued)_transactions?(_metadata)?$|^transfer_/.test(name);

/** How long a client waits for an answer, in milliseconds. The server ends statements after 30 s. */
const PATIENCE = 20_000;

/** A door through the GraphQL server: the mutation or query named after the function. */
export function openGraphqlDoor(port: number): Door {
  const url = `http://127.0.0.1:${port}/graphql`;
  return {
    kind: "graphql",
    close: async () => {},
    async call(name, args) {
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(requestOf(name, args)),
          signal: AbortSignal.timeout(PATIENCE),
        });
        return outcomeOf(await response.json());
      } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        // Nobody listens, so nothing was sent; all else may have arrived.
        if (cause?.code === "ECONNREFUSED") return { is: "busy", code: "refused" };
        return { is: "lost", code: cause?.code ?? "?" };
      }
    },
  };
}

function requestOf(name: string, args: Args) {
  const field = camel(name);
  const input = renamed(args, camel) as Record<string, unknown>;
  if (name in QUERIES) return queryOf(field, input, QUERIES[name]!);
  const selection = RESULTS[name] ?? (isResult(name) ? RESULT : "{ __typename }");
  const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input`;
  const answer = /^(grant|revoke)_/.test(name) ? "__typename" : `result ${selection}`;
  const query = `mutation ($input: ${type}!) { answer: ${field}(input: $input) { ${answer} } }`;
  return { query, variables: { input } };
}

function queryOf(field: string, input: Record<string, unknown>, selection: string) {
  const list = Object.entries(input).map(
    ([key, value]) => `${key}: ${key in TYPES ? `$${key}` : JSON.stringify(value)}`,
  );
  const types = Object.entries(TYPES).filter(([key]) => key in input);
  const declared = types.map(([key, type]) => `$${key}: ${type}`).join(", ");
  const query = `query ${declared && `(${declared})`} { answer: ${field}(${list.join(", ")}) ${selection} }`;
  return { query, variables: Object.fromEntries(types.map(([key]) => [key, input[key]])) };
}

function outcomeOf({ data, errors }: { data?: Row; errors?: Row[] }): Outcome {
  if (errors) {
    const { extensions = {}, message } = errors[0]!;
    if (extensions.code === "INTERNAL_ERROR" || !extensions.sqlstate) {
      return { is: "refused", code: "INTERNAL", detail: message };
    }
    return judgeError(extensions.sqlstate, JSON.stringify(extensions.detail ?? null));
  }
  const answer = data!["answer"];
  const inside = ["result", "nodes"].find((name) => Object.hasOwn(Object(answer), name));
  const rows = inside ? answer[inside] : answer;
  return {
    is: "answered",
    rows: (Array.isArray(rows) ? rows : [rows]).map((row) => renamed(row ?? {}, snake) as Row),
  };
}

const camel = (name: string) =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The same value with other names of fields; what users keep in metadata stays as it is. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => [
        rename(name),
        /metadata|detail/i.test(name) ? each : renamed(each, rename),
      ]),
  );
}
