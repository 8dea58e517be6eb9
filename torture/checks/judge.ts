import { violations, type Violation } from "../../test/support/books.ts";
import { settleDoubts } from "../clients/doubts.ts";
import type { Known } from "../clients/known.ts";
import { openGraphqlDoor } from "../doors/graphql.ts";
import { openSqlDoor } from "../doors/sql.ts";
import { LOGIN } from "../stage/logins.ts";
import type { Stage } from "../stage/stage.ts";
import type { Records } from "./books.ts";
import { readEvidence, type Evidence } from "./evidence.ts";
import { reporter, type Finding } from "./finding.ts";
import { judgeEvidence, type Judged } from "./judge-evidence.ts";
import { awaitQuiet } from "./quiet.ts";

/** What was found, and what by: the evidence, which can be judged again, or what was seen besides. */
type Judgement = {
  findings: Finding[];
  seen: Finding[];
  judged: Judged;
  evidence: Evidence;
};

/** Judges a chapter when it is over: everything that contradicts the contract. */
export async function judge(stage: Stage, known: Known): Promise<Judgement> {
  const seen: Finding[] = [];
  const unquiet = await awaitQuiet(stage, known);
  const { postgres, proxies } = stage;
  const doors = [
    openSqlDoor(postgres.urlOf(LOGIN, proxies.sql)),
    openGraphqlDoor(proxies.http.port),
  ];
  await settleDoubts(postgres, known, doors);
  for (const door of doors) await door.close();
  const restless = unquiet ?? (await awaitQuiet(stage, known));
  if (restless) reporter(seen, "workers")(restless);
  for (const { failures } of [stage.server, ...stage.workers])
    for (const failure of failures) reporter(seen, "services")(failure);
  for (const { what, about } of known.lies) reporter(seen, "answers")(what, about);
  const evidence = await readEvidence(postgres.pool, known);
  for (const one of [evidence.here, evidence.abroad, evidence.presence]) {
    for (const violation of await violations(postgres, one.ledger)) {
      reporter(seen, "books")(JSON.stringify(violation), ...concerned(violation, one));
    }
  }
  return { ...judgeEvidence(evidence), seen, evidence };
}

/** Whom a violation concerns, as clients know them: they know accounts by their addresses, and nothing of entries. */
function concerned({ subject, facts }: Violation, { entries: all, kept }: Records): string[] {
  const ids = new Set([subject, ...(JSON.stringify(facts).match(/[0-9a-f-]{36}/g) ?? [])]);
  const accounts = kept.accounts.filter(({ id }) => ids.has(id));
  const entries = all.filter(({ id }) => ids.has(id));
  return [
    ...ids,
    ...accounts.map(({ address }) => address as string),
    ...entries.flatMap(({ account, transaction }) => [account, transaction]),
  ];
}
