import { SignJWT } from "jose";
import type { Log } from "../../src/log.ts";
import { startServer, type ServerOptions } from "../../src/server/start.ts";
import { startCutter, type Cutter } from "../support/cutter.ts";
import { createDatabase, type Login, type TestDatabase } from "../support/database.ts";

export const SECRET = "a secret of at least thirty-two bytes, for tests";

export type Answer = {
  status: number;
  headers: Headers;
  data?: any;
  errors?: Array<{
    message: string;
    path?: Array<string | number>;
    extensions?: { code?: string; sqlstate?: string; detail?: any; hint?: string };
  }>;
};

export type Sent = { token?: string; headers?: Record<string, string> };

export type TestServer = {
  database: TestDatabase;
  url: string;
  /** What the server logged so far. */
  logged: string[];
  ask(query: string, variables?: Record<string, unknown>, sent?: Sent): Promise<Answer>;
  /** As `ask`, for what must succeed. */
  data(query: string, variables?: Record<string, unknown>, sent?: Sent): Promise<any>;
  stop(): Promise<void>;
};

/**
 * A server of its own over a fresh database; without `jwt` it trusts everybody.
 * @param lead the way to the database, if it is not the straight one
 */
export async function startTestServer(
  options: Partial<ServerOptions> = {},
  login: Login = "daybook_authenticator",
  lead = async (url: string) => url,
): Promise<TestServer> {
  const database = await createDatabase();
  const logged: string[] = [];
  const write = (message: string) => void logged.push(message);
  const log: Log = { info: write, warn: write, error: write };
  const connectionString = await lead(database.urlOf(login));
  const server = await startServer({
    connectionString,
    host: "127.0.0.1",
    port: 0,
    log,
    ...options,
  }).catch(async (error) => {
    await database.drop();
    throw error;
  });
  const ask = (query: string, variables?: Record<string, unknown>, sent: Sent = {}) =>
    post(server.url, JSON.stringify({ query, variables }), sent);
  return {
    database,
    url: server.url,
    logged,
    ask,
    async data(...request) {
      const { data, errors } = await ask(...request);
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    },
    async stop() {
      await server.stop();
      await database.drop();
    },
  };
}

/** A server with open books whose connections to the database can be cut. */
export async function startCutServer(): Promise<TestServer & { cutter: Cutter }> {
  let cutter: Cutter | undefined;
  const server = await startTestServer({}, undefined, async (url) => {
    cutter = await startCutter(url);
    return cutter.lead(url);
  });
  await openBooks(server);
  const stop = async () => {
    cutter!.close();
    await server.stop();
  };
  return { ...server, cutter: cutter!, stop };
}

/** Sends a body as it is. */
export async function post(
  url: string,
  body: string,
  { token, headers }: Sent = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body,
  });
  const { data, errors } = (await response.json()) as Answer;
  return { status: response.status, headers: response.headers, data, errors };
}

/** A signed token. One that expires null never does. */
export function sign(
  claims: Record<string, unknown>,
  { secret = SECRET, expires = "5m" }: { secret?: string; expires?: string | number | null } = {},
): Promise<string> {
  const token = new SignJWT(claims).setProtectedHeader({ alg: "HS256" });
  if (expires !== null) token.setExpirationTime(expires);
  return token.sign(new TextEncoder().encode(secret));
}

/** A ledger `main` with a debit-normal `bank` and a credit-normal `users:alice` in USD. */
export async function openBooks({ data }: Pick<TestServer, "data">, sent?: Sent): Promise<void> {
  await data(
    `mutation {
      createLedger(input: { ledger: "main" }) { result { name } }
      bank: openAccount(input: { ledger: "main", address: "bank", currency: "USD", normalBalance: debit }) { result { id } }
      alice: openAccount(input: { ledger: "main", address: "users:alice", currency: "USD" }) { result { id } }
    }`,
    {},
    sent,
  );
}

/** Two entries that balance. */
export function entriesOf(amount: unknown, more: Record<string, unknown> = {}) {
  return [
    { account: "bank", direction: "debit", amount },
    { account: "users:alice", direction: "credit", amount, ...more },
  ];
}

export const CREATE = `mutation ($input: CreateTransactionInput!) {
  createTransaction(input: $input) {
    result {
      ledger transactionId status version replayed archivedReason errorCode
      balances { account postedAmount availableAmount lockVersion }
    }
  }
}`;
