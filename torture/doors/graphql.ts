import { judgeError, type Args, type Door, type Outcome, type Row } from "./door.ts";

const BALANCE =
  "{ account lockVersion pendingDebits pendingCredits postedDebits postedCredits currency }";
const RESULT = `{ index transactionId status version replayed archivedReason errorCode errorDetail balances ${BALANCE} }`;
const RECEIPT = "{ receiptId state idempotencyKey transactionId errorCode }";

/** What is asked back from the functions whose answers are looked at. */
const SELECTIONS: Record<string, string> = {
  enqueue_transactions: RECEIPT,
  queued_transaction: RECEIPT,
  account_balance: BALANCE,
  account_balances: BALANCE,
  category_balance: BALANCE,
  trial_balance: "{ account currency postedDebits postedCredits }",
};
const QUERIES = [
  "queued_transaction",
  "account_balance",
  "account_balances",
  "category_balance",
  "trial_balance",
];
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
  const selection = SELECTIONS[name] ?? (isResult(name) ? RESULT : "{ __typename }");
  const input = renamed(args, camel) as Record<string, unknown>;
  if (QUERIES.includes(name)) {
    const list = Object.entries(input).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    return { query: `{ answer: ${field}(${list.join(", ")}) ${selection} }` };
  }
  const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { answer: ${field}(input: $input) { result ${selection} } }`;
  return { query, variables: { input } };
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
  const rows = "result" in (answer ?? {}) ? answer.result : answer;
  return {
    is: "answered",
    rows: (Array.isArray(rows) ? rows : [rows]).map((row) => renamed(row, snake) as Row),
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
