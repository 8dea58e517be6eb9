import { Client } from "../client.ts";
import { describeError, errorCode } from "../errors.ts";
import type { Log } from "../log.ts";
import { ownSession } from "../session.ts";
import { pause } from "./pause.ts";

export type LoopOptions = {
  connectionString: string;
  log: Log;
  /** What it does, for the log: "folding". */
  what: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Of the sessions. */
  settings: Record<string, string>;
  /** Rest after a round that found nothing to do, in milliseconds. */
  idle: number;
  /** Does what there is to do and gives how much it was; may leave early when the signal aborts. */
  round(client: Client, stop: AbortSignal): Promise<number>;
};

/** The longest rest after errors, in milliseconds: what waits is to be done within 2 s. */
const LONGEST_REST = 1500;

/**
 * Carries out rounds over one connection until it is stopped, without a rest as long as there is
 * something to do. After an error it goes on with a new connection.
 *
 * Not a job of graphile-worker: a job that a killed worker held stays locked for hours, while this goes
 * on as soon as any worker runs. Several may run at once.
 */
export function startLoop(options: LoopOptions): { stop(): Promise<void> } {
  const { log, what, idle } = options;
  const stopping = new AbortController();
  let client: Client | undefined;
  let failures = 0;

  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        client ??= await connect(options);
        const done = await options.round(client, stopping.signal);
        failures = 0;
        if (done === 0) await pause(idle, stopping.signal);
      } catch (error) {
        failures += 1;
        log.error(`${what}: ${describeError(error)} (${errorCode(error) ?? "no code"})`);
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

async function connect(options: LoopOptions): Promise<Client> {
  const client = new Client({
    connectionString: ownSession(options.connectionString, {
      role: "daybook_worker",
      ...options.settings,
    }),
    application_name: options.applicationName,
  });
  client.on("notice", ({ severity, message }) => {
    if (severity === "WARNING") options.log.warn(`${options.what}: ${message}`);
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
