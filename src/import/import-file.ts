import type { Log } from "../log.ts";
import { inBatches } from "./batches.ts";
import {
  carryOut,
  openAccounts,
  refuse,
  type Books,
  type Item,
  type Summary,
} from "./carry-out.ts";
import { inFlight } from "./in-flight.ts";
import { keyMaker } from "./keys.ts";
import { openLane, type Lane } from "./lane.ts";
import { readLines } from "./lines.ts";
import { parseAccountLine, parseLine } from "./parse.ts";
import { prepareLedger } from "./prepare-ledger.ts";
import type { Progress } from "./progress.ts";
import type { RefusedFile } from "./refused-file.ts";
import type { Shapes } from "./shape.ts";

/** Statements on their way on one connection: enough to hide the way, few enough to hold in memory. */
const WINDOW = 64;

/** What one call makes at most, in entries: enough that what a call costs is nothing, few enough that nobody waits long. */
const BATCH = 2000;

/** A file by the name it is spoken of. */
export type Input = { name: string; bytes: AsyncIterable<Buffer> };

export type ImportOptions = {
  connectionString: string;
  ledger: string;
  /** Makes the ledger if it is missing. */
  createLedger: boolean;
  /** The transactions; the name goes into the keys of lines that bring none. */
  transactions: Input;
  /** Accounts to open first. */
  accounts?: Input | undefined;
  connections: number;
  refused: RefusedFile;
  progress: Progress;
  log: Log;
};

type Work = ImportOptions & Books & { shapes: Shapes };

/**
 * Brings a file of transactions into a ledger. Each line stands or falls alone, a refused one is written to the
 * file of the refused, and what is there already stays as it is.
 * @throws what is no fault of a line; the import can then be repeated
 */
export async function importFile(options: ImportOptions): Promise<Summary> {
  const { connectionString, ledger, createLedger, connections, log } = options;
  const accounts = { opened: 0, known: 0 };
  const summary: Summary = { created: 0, declined: 0, replayed: 0, refused: new Map(), accounts };
  const lanes: Lane[] = [];
  try {
    const shapes = await prepareLedger(connectionString, ledger, createLedger);
    while (lanes.length < connections) lanes.push(await openLane(connectionString, log));
    options.refused.begin();
    const work = { ...options, lanes, shapes, summary };
    await importAccounts(work);
    await importTransactions(work);
    return summary;
  } finally {
    options.progress.stop();
    await Promise.allSettled(lanes.map((lane) => lane.close()));
  }
}

async function importAccounts(work: Work): Promise<void> {
  if (!work.accounts) return;
  const { name: file, bytes } = work.accounts;
  const flight = inFlight(work.connections * WINDOW);
  try {
    for await (const line of readLines(bytes)) {
      const request = parseAccountLine(line, work.shapes);
      const place = { line: line.number, file };
      if (request.kind === "refused") refuse(work, place, request.text, request.refusal);
      if (request.kind === "accounts") await flight.add(() => openAccounts(work, place, request));
    }
  } finally {
    await flight.idle();
  }
}

async function importTransactions(work: Work): Promise<void> {
  const { shapes, summary, progress } = work;
  const { name, bytes } = work.transactions;
  const keyOf = keyMaker(name);
  let end = 0;
  const batches = inBatches<Item>({
    atOnce: work.connections,
    most: BATCH,
    sizeOf: weigh,
    async work(items) {
      await carryOut(work, items);
      progress.update(end, summary.created + summary.declined + summary.replayed);
    },
  });
  try {
    for await (const line of readLines(bytes)) {
      end = line.end;
      const request = parseLine(line, shapes);
      const place = { line: line.number, file: undefined };
      if (request.kind === "nothing") continue;
      if (request.kind === "accounts") {
        // Later lines may need the accounts; earlier ones must not profit from them.
        await batches.idle();
        await openAccounts(work, place, request);
      } else {
        const needsKey = request.kind === "transaction" && !request.hasKey;
        await batches.add({ place, request, key: needsKey ? keyOf(line.bytes) : null });
      }
    }
  } finally {
    await batches.idle();
  }
  progress.update(end, summary.created + summary.declined + summary.replayed);
}

/** By entries, and by a kilobyte of text: what takes time, and what takes memory. */
function weigh({ request }: Item): number {
  const entries = request.kind === "transaction" ? request.entries : 0;
  return Math.max(1, entries, Math.ceil(request.text.length / 1000));
}
