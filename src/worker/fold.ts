import { Client } from "pg";
import { withSettings } from "../database-url.ts";
import { describeError, errorCode } from "../errors.ts";
import type { Log } from "../log.ts";
import { foldRound, type Held } from "./fold-round.ts";
import { pause } from "./pause.ts";

export type FoldOptions = {
  connectionString: string;
  log: Log;
  /** Rest after a round that found nothing to do, in milliseconds. Default 200. */
  idle?: number;
  /** How long to wait for an account that somebody holds, in milliseconds. Default 250. */
  lockTimeout?: number;
};

/** The longest rest after errors, in milliseconds: queued entries are to be applied within 2 s. */
const LONGEST_REST = 1500;

/**
 * Applies queued entries to their accounts' balances, for as long as there are any, over and over.
 *
 * Not a job of graphile-worker: a job that a killed worker held stays locked for hours, while this goes
 * on as soon as any worker runs. Several may run at once.
 *
 * Commits do not wait for the disk: a fold that a crash undoes is found queued again, and done again.
 */
export function startFolding(options: FoldOptions): { stop(): Promise<void> } {
  const { log, idle = 200, lockTimeout = 250 } = options;
  const url = withSettings(options.connectionString, {
    role: "daybook_worker",
    synchronous_commit: "off",
    lock_timeout: `${lockTimeout}ms`,
  });
  const stopping = new AbortController();
  const held: Held = new Map();
  let client: Client | undefined;
  let failures = 0;

  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        client ??= await connect(url);
        const folded = await foldRound(client, held, log, stopping.signal);
        failures = 0;
        if (folded === 0) await pause(idle, stopping.signal);
      } catch (error) {
        failures += 1;
        log.error(`folding: ${describeError(error)} (${errorCode(error) ?? "no code"})`);
        const broken = client;
        client = undefined;
        await broken?.end().catch(() => {}); // it may be gone already
        await pause(Math.min(100 * 2 ** failures, LONGEST_REST), stopping.signal);
      }
    }
    await client?.end().catch(() => {});
  };
  const finished = run();

  return {
    async stop() {
      stopping.abort();
      await finished;
    },
  };
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, application_name: "daybook fold" });
  client.on("error", () => {}); // the next query fails and tells
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
