import { Client } from "../src/client.ts";
import { makeLedger, openServer } from "./server.ts";

export type BenchCluster = { url: string; client: Client; folder: string; stop(): Promise<void> };

/**
 * A database with an empty ledger for a benchmark, durable: on an embedded PostgreSQL of its own, or on BENCH_DATABASE_URL
 * (a superuser's URL).
 * @param database its name, which nobody else uses
 * @returns its URL, a superuser's open connection, a folder for files, and `stop`, after which all of them are gone
 */
export async function startBenchCluster(database = "daybook_bench"): Promise<BenchCluster> {
  const server = await openServer();
  let client: Client | undefined;
  const stop = async () => {
    await client?.end().catch(() => {}); // it may never have connected
    await server.stop();
  };
  try {
    const url = await server.createDatabase(database);
    await makeLedger(url);
    client = new Client({ connectionString: url });
    await client.connect();
    return { url, client, folder: server.folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
