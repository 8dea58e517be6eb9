import { openChapter } from "./chapter.ts";
import { digest, type Digest } from "./checks/afterwards.ts";
import type { Evidence } from "./checks/evidence.ts";
import type { Finding } from "./checks/finding.ts";
import { judge } from "./checks/judge.ts";
import { watchBooks } from "./checks/watch.ts";
import { runClient } from "./clients/client.ts";
import { WISHES } from "./clients/decide.ts";
import { PATIENCE } from "./clients/doubts.ts";
import { drawOf, upTo } from "./clients/draw.ts";
import type { Known } from "./clients/known.ts";
import { DUTIES } from "./clients/operator.ts";
import { counted } from "./doors/counted.ts";
import { openGraphqlDoor } from "./doors/graphql.ts";
import { openSqlDoor } from "./doors/sql.ts";
import { rage, type Nemesis } from "./nemesis/nemesis.ts";
import type { Options } from "./options.ts";
import { guestOf, LOGIN, OPERATOR_LOGIN, OPERATORS } from "./stage/logins.ts";
import type { Stage } from "./stage/stage.ts";

/** What happened in one ledger, from its first transaction to the judgement. */
export type Chapter = {
  /** With this seed it is the first chapter of a run. */
  seed: number;
  known: Known;
  findings: Finding[];
  /** What it was judged by, if it is wrong: it is large. */
  evidence: Evidence | undefined;
  /** What its books were when they were judged; later chapters must not change them. */
  digests: Digest[];
  /** How long clients worked in it. */
  seconds: number;
  /** How many holds expired. */
  expired: number;
  /** A line on it. */
  summary: string;
};

export async function playChapter(
  stage: Stage,
  nemesis: Nemesis,
  options: Options,
  number: number,
  seconds: number,
): Promise<Chapter> {
  const seed = seedOf(options.seed, number);
  const known = await openChapter(stage, `${options.seed}-${number}`);
  const [stop, giveUp] = [new AbortController(), new AbortController()];
  const working = [...clientsOf(stage, options), ...operatorsOf(stage)].map((client) => {
    const draw = (n: number) => drawOf(seed, client.name, n);
    const door = counted(client.door, known.uses);
    return runClient({ ...client, door, known, draw, stop: stop.signal, giveUp: giveUp.signal });
  });
  const watching = watchBooks(stage, known, stop.signal);
  const raging = options.calm ? undefined : rage(nemesis, stage, seed, stop.signal);
  const timer = setTimeout(() => stop.abort(), seconds * 1000);
  // Clients go on asking what came of their last calls; their patience begins when nothing disturbs them any more.
  stop.signal.addEventListener("abort", async () => {
    await raging?.catch(() => {});
    setTimeout(() => giveUp.abort(), PATIENCE).unref();
  });
  try {
    await Promise.all([raging, ...working]);
  } finally {
    clearTimeout(timer);
    stop.abort();
    giveUp.abort();
  }
  const begin = performance.now();
  const watched = await watching;
  const { findings: judgedWrong, seen, judged, evidence } = await judge(stage, known);
  const findings = [...seen, ...judgedWrong, ...watched.findings];
  const digests = [await digest(stage, known.ledger), await digest(stage, known.otherLedger)];
  const took = ((performance.now() - begin) / 1000).toFixed(1);
  const { deeds, reads } = known;
  const result = findings.length === 0 ? "right" : `${findings.length} WRONG`;
  const summary =
    `${deeds.length} requests, ${reads.length} reads (${judged.judged} balances explained, ${judged.skipped} not), ` +
    `${judged.bounds} bounds on categories (${judged.exact} to the unit), ${judged.expired} holds expired, ` +
    `${watched.looks} looks at all books: ${result}, judged in ${took} s`;
  const kept = findings.length > 0 ? evidence : undefined;
  const { expired } = judged;
  return { seed, seconds, known, findings, evidence: kept, digests, expired, summary };
}

/** The first chapter has the seed of the run, others one of their own: runs of neighbouring seeds have none in common. */
const seedOf = (seed: number, number: number) =>
  number === 1 ? seed : upTo(drawOf(seed, "chapter", number), 1e9);

function clientsOf({ postgres, proxies }: Stage, { sqlClients, graphqlClients }: Options) {
  const sql = Array.from({ length: sqlClients }, (_, n) => ({
    name: `s${n}`,
    wishes: WISHES,
    door: openSqlDoor(postgres.urlOf(LOGIN, proxies.sql)),
  }));
  const graphql = Array.from({ length: graphqlClients }, (_, n) => ({
    name: `g${n}`,
    wishes: WISHES,
    door: openGraphqlDoor(proxies.http.port),
  }));
  return [...sql, ...graphql];
}

/** One over SQL, one over GraphQL, whose guests both use SQL: access by roles is a matter of direct logins. */
function operatorsOf({ postgres, proxies }: Stage) {
  return OPERATORS.map((name, n) => ({
    name,
    wishes: DUTIES,
    door:
      n === 0
        ? openSqlDoor(postgres.urlOf(OPERATOR_LOGIN, proxies.sql))
        : openGraphqlDoor(proxies.http.port),
    guest: openSqlDoor(postgres.urlOf(guestOf(name), proxies.sql)),
  }));
}
