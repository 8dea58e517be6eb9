import { existsSync, readFileSync } from "node:fs";
import { Client } from "../src/client.ts";

/** What a session's server process used: µs of a processor (NaN if it cannot be seen from here), and write-ahead log. */
export type Use = { cpu: number; bytes: number; records: number; pageImages: number };

/** A session whose server process is watched from another one. */
export type Meter = {
  client: Client;
  use(work: () => Promise<unknown>): Promise<Use>;
  end(): Promise<void>;
};

/**
 * Opens a session and watches it. The processor time is Linux's own account of a process on this machine.
 * @param url of the session
 * @param observerUrl of a superuser
 */
export async function openMeter(url: string, observerUrl: string): Promise<Meter> {
  const client = new Client({ connectionString: url });
  const observer = new Client({ connectionString: observerUrl });
  await Promise.all([client.connect(), observer.connect()]);
  const { rows } = await client.query("select pg_backend_pid() as pid");
  const pid: number = rows[0].pid;
  const read = async (): Promise<Use> => {
    const cpu = processorTime(pid);
    await client.query("select pg_stat_force_next_flush()");
    await client.query("select"); // what is flushed comes with the end of a statement
    const log = await observer.query(
      `select wal_bytes::float8 as bytes, wal_records::float8 as records, wal_fpi::float8 as "pageImages"
         from pg_stat_get_backend_wal($1)`,
      [pid],
    );
    return { cpu, ...log.rows[0] };
  };
  return {
    client,
    async use(work) {
      const before = await read();
      await work();
      const after = await read();
      const gone = (key: keyof Use) => after[key] - before[key];
      return {
        cpu: gone("cpu"),
        bytes: gone("bytes"),
        records: gone("records"),
        pageImages: gone("pageImages"),
      };
    },
    end: async () => void (await Promise.all([client.end(), observer.end()])),
  };
}

/** µs that a process has been running, or NaN if it is not on this machine or there is no such account. */
function processorTime(pid: number): number {
  const process = `/proc/${pid}`;
  if (!existsSync(`${process}/schedstat`)) return NaN;
  if (!/postgres/.test(readFileSync(`${process}/cmdline`, "utf8"))) return NaN;
  return Number(readFileSync(`${process}/schedstat`, "utf8").split(" ")[0]) / 1000;
}
