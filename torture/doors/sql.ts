import { Client } from "pg";
import { callAs, RESULT } from "../../test/support/call.ts";
import { judgeError, type Args, type Door, type Outcome } from "./door.ts";

/** What a function of the contract is not, and is read all the same. */
const VIEWS: Record<string, string> = {
  balances: "select * from daybook.balances where ledger = $1",
};

const ENTRIES = "r.*, to_jsonb(r.entries) as entries";

/** What is asked back, where columns are arrays of composites. */
const COLUMNS: Record<string, string> = {
  create_transactions: RESULT,
  account_statement: ENTRIES,
  transaction_versions: ENTRIES,
  allocate: "unnest(r) as part",
};

/** How long a client waits for an answer before it takes the connection for lost, in milliseconds. */
const PATIENCE = 20_000;

export type SqlDoor = Door & {
  /**
   * Makes several calls in one database transaction, and ends it as wanted. Gives what came of each: if one is
   * refused the others are undone and count as refused too.
   */
  several(
    calls: [string, Args][],
    end: "commit" | "rollback",
    isolation: string,
  ): Promise<Outcome[]>;
};

export function openSqlDoor(url: string): SqlDoor {
  let client: Client | undefined;
  const close = async () => {
    const old = client;
    client = undefined;
    await old?.end().catch(() => {});
  };
  const connected = async (): Promise<Client> => {
    if (client) return client;
    const fresh = new Client({
      connectionString: url,
      application_name: "client",
      connectionTimeoutMillis: 5_000,
      query_timeout: PATIENCE,
    });
    fresh.on("error", () => {}); // the next query fails and tells
    try {
      await fresh.connect();
    } catch (error) {
      void fresh.end().catch(() => {});
      // Nothing was sent, whatever went wrong.
      throw Object.assign(new Error("not connected", { cause: error }), { code: "08001" });
    }
    return (client = fresh);
  };
  const attempt = async (work: (client: Client) => Promise<Outcome[]>): Promise<Outcome[]> => {
    try {
      return await work(await connected());
    } catch (error) {
      const { code, detail } = error as { code?: string; detail?: string };
      const judged = judgeError(code, detail);
      if (judged.is === "lost" || code === "08001") await close();
      return [judged];
    }
  };
  return {
    kind: "sql",
    close,
    call: async (name, args) =>
      (await attempt(async (to) => [{ is: "answered", rows: await ask(to, name, args) }]))[0]!,
    async several(calls, end, isolation) {
      const outcomes = await attempt(async (to) => {
        try {
          return await together(to, calls, end, isolation);
        } catch (error) {
          await to.query("rollback").catch(close);
          throw error;
        }
      });
      return calls.map((_, n) => outcomes[n] ?? outcomes[0]!);
    },
  };
}

const ask = async (client: Client, name: string, args: Args) =>
  name in VIEWS
    ? (await client.query(VIEWS[name]!, [args["ledger"]])).rows
    : await callAs(client, name, args, COLUMNS[name]);

async function together(
  client: Client,
  calls: [string, Args][],
  end: "commit" | "rollback",
  isolation: string,
): Promise<Outcome[]> {
  await client.query(`begin isolation level ${isolation}`);
  const answers: Outcome[] = [];
  for (const [name, args] of calls) {
    answers.push({ is: "answered", rows: await ask(client, name, args) });
  }
  await client.query(end);
  return end === "commit"
    ? answers
    : calls.map(() => ({ is: "refused", code: "undone", detail: null }));
}
