import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Run } from "./cases.ts";

const CLI = join(import.meta.dirname, "../src/cli.ts");

const mutation = `mutation ($entries: [EntryInput!]!, $key: String!) {
  createTransaction(input: { ledger: "main", entries: $entries, idempotencyKey: $key, metadata: {order: "ord-123456", channel: "web"} }) {
    result { transactionId }
  }
}`;

/**
 * createTransaction over GraphQL, against one server process of its own.
 * @returns requests per second
 */
export const graphqlRate: Run = async ({ url: DATABASE_URL, clients, seconds }) => {
  const server = spawn(process.execPath, [CLI, "serve", "--port", "0"], {
    env: { ...process.env, DATABASE_URL },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const url = await listening(server);
    await client(url, Date.now() + 1); // the first request waits for the schema
    const start = Date.now();
    const end = start + seconds * 1000;
    const counts = await Promise.all(Array.from({ length: clients }, () => client(url, end)));
    return (1000 * counts.reduce((sum, count) => sum + count, 0)) / (Date.now() - start);
  } finally {
    const ended = server.exitCode === null ? once(server, "exit") : undefined;
    server.kill("SIGTERM");
    await ended;
  }
};

/** Waits for the line in which the server says where it listens. */
async function listening(server: ReturnType<typeof spawn>): Promise<string> {
  server.stdout?.resume();
  for await (const line of createInterface({ input: server.stderr! })) {
    const url = /https?:\/\/[^\s/]+/.exec(line)?.[0];
    if (url) {
      server.stderr?.resume();
      return `${url}/graphql`;
    }
  }
  throw new Error("the server did not start");
}

const user = () => `users:${1 + Math.floor(Math.random() * 10_000)}`;

async function client(url: string, end: number): Promise<number> {
  let count = 0;
  while (Date.now() < end) {
    const variables = {
      key: `bench-${crypto.randomUUID()}`,
      entries: [
        { account: user(), direction: "debit", amount: "100" },
        { account: user(), direction: "credit", amount: "100" },
      ],
    };
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: mutation, variables }),
    });
    const answer = (await response.json()) as { errors?: unknown };
    if (answer.errors) throw new Error(`the server refused: ${JSON.stringify(answer.errors)}`);
    count += 1;
  }
  return count;
}
