import { Client } from "../client.ts";
import { checkLedger } from "../migrate/check-version.ts";
import { ownSession } from "../session.ts";
import { chooseLedgers, type Which } from "./ledgers.ts";
import { inWords, type LogProblem } from "./log-problem.ts";

/** A head that somebody kept. */
export type KnownHead = { no: string; hash: string };

/** Of all ledgers there are, the instance's own log too. */
export type LogOptions = Which & {
  connectionString: string;
  /** Of the ledger that is named: whether its log still has it. */
  known: KnownHead | undefined;
  /** What is found, a line each. */
  say(line: string): void;
  /** How far it is, in records. */
  progress(total: number): { update(done: number): void; stop(): void };
};

type Part = LogProblem & { to_no: string; head_no: string; unread: string };
type Head = { no: string; hash: string; sealed_at: string | null };

/** Records per call: enough to hide the way, few enough to show how far it is. */
const PART = 5000;
/** Where so much is wrong, more of the same helps nobody. */
const MOST = 20;

/**
 * Verifies the sealed logs of ledgers, record by record.
 * @returns how many things are wrong
 * @throws Error if the database cannot be reached, or a ledger or any ledger not be read
 */
export async function verifyLogs(options: LogOptions): Promise<number> {
  const client = new Client({
    connectionString: ownSession(options.connectionString),
    application_name: "daybook verify",
  });
  try {
    await client.connect();
    await checkLedger(client);
    let wrong = 0;
    for (const ledger of await logsOf(client, options)) {
      wrong += await verifyLog(client, ledger, options);
    }
    return wrong;
  } finally {
    await client.end();
  }
}

/** One that is named may be the instance's own; whether it is there and granted, its head tells. */
async function logsOf(client: Client, which: Which): Promise<string[]> {
  if (which.ledger !== undefined) return [which.ledger];
  const { names, areAll } = await chooseLedgers(client, which);
  return areAll ? ["*", ...names] : names;
}

async function verifyLog(client: Client, ledger: string, options: LogOptions): Promise<number> {
  const head = await headOf(client, ledger);
  const problems = new Set<string>();
  const { known } = options;
  if (known && !(await isKnown(client, ledger, known))) {
    problems.add(`the log never had the head ${known.no}:${known.hash}, or has it no more`);
  }
  const progress = options.progress(Number(head.no));
  let from = 1n;
  let unread = 0n;
  try {
    // Where something is wrong, the head may be, too: then on until nothing is left.
    for (let isMore = true; isMore && problems.size < MOST;) {
      const part = await verifyPart(client, ledger, from);
      if (part.problem !== null) problems.add(inWords(part));
      const done = BigInt(part.to_no);
      isMore = problems.size === 0 ? done < BigInt(head.no) : done >= from;
      from = done + 1n;
      unread += BigInt(part.unread);
      progress.update(Number(done));
    }
  } finally {
    progress.stop();
  }
  for (const problem of problems) options.say(`${ledger}: ${problem}`);
  if (problems.size === 0) options.say(`${ledger}: ${summary(head, unread)}`);
  return problems.size;
}

const summary = ({ no, hash, sealed_at }: Head, unread: bigint) =>
  sealed_at === null
    ? "nothing is sealed yet"
    : `${no} records, ${unread === 0n ? "all as they were sealed" : `all where they were sealed, ${unread} not read as a whole because their entries are detached`}; head ${no}:${hash} of ${sealed_at}`;

async function headOf(client: Client, ledger: string): Promise<Head> {
  const { rows } = await client.query<Head>(
    `select h.no, h.hash, to_char(h.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as sealed_at
       from daybook.log_head($1) h`,
    [ledger],
  );
  return rows[0]!;
}

async function isKnown(client: Client, ledger: string, known: KnownHead): Promise<boolean> {
  const { rows } = await client.query<{ known: boolean }>(
    "select daybook.check_log_head($1, $2, $3) as known",
    [ledger, known.no, known.hash],
  );
  return rows[0]!.known;
}

async function verifyPart(client: Client, ledger: string, from: bigint): Promise<Part> {
  const { rows } = await client.query<Part>(
    "select v.to_no, v.head_no, v.problem, v.no, v.log_id, v.detail, v.unread from daybook.verify_log($1, $2, $3) v",
    [ledger, from, PART],
  );
  return rows[0]!;
}
