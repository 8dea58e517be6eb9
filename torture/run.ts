import { styleText } from "node:util";
import { Command } from "commander";
import { openGraphqlDoor } from "./doors/graphql.ts";
import { openSqlDoor } from "./doors/sql.ts";
import { openChapter } from "./chapter.ts";
import { runClient } from "./clients/client.ts";
import { drawOf } from "./clients/draw.ts";
import type { Known } from "./clients/known.ts";
import { judge } from "./checks/judge.ts";
import type { Finding } from "./checks/finding.ts";
import { newNemesis, rage } from "./nemesis/nemesis.ts";
import { shrink, writeEvents } from "./report/shrink.ts";
import { keepLog } from "./stage/postgres.ts";
import { LOGIN, setStage, type Stage } from "./stage/stage.ts";

const program = new Command("torture")
  .option("--minutes <n>", "how long", "2")
  .option("--seed <n>", "what clients decide and what goes wrong", `${Math.floor(Math.random() * 1e9)}`)
  .option("--sql <n>", "SQL clients", "6")
  .option("--graphql <n>", "GraphQL clients", "3")
  .option("--chapter <seconds>", "how long a ledger is used before all of it is judged", "30")
  .option("--calm", "nothing goes wrong but what clients do to each other")
  .parse();
const options = program.opts<Record<string, string>>();
const seed = Number(options["seed"]);
const nemesis = newNemesis();

async function play(stage: Stage, number: number, seconds: number): Promise<[Known, Finding[]]> {
  const chapterSeed = seed + number;
  const known = await openChapter(stage, number);
  const [stop, giveUp] = [new AbortController(), new AbortController()];
  const clients = [
    ...Array.from({ length: Number(options["sql"]) }, (_, n) => ({
      name: `s${n}`,
      door: openSqlDoor(stage.postgres.urlOf(LOGIN, stage.proxies.sql)),
    })),
    ...Array.from({ length: Number(options["graphql"]) }, (_, n) => ({
      name: `g${n}`,
      door: openGraphqlDoor(stage.proxies.http.port),
    })),
  ];
  const working = clients.map(({ name, door }) =>
    runClient({
      name,
      door,
      known,
      draw: (n) => drawOf(chapterSeed, name, n),
      stop: stop.signal,
      giveUp: giveUp.signal,
    }),
  );
  const raging = options["calm"] ? undefined : rage(nemesis, stage, chapterSeed, stop.signal);
  setTimeout(() => stop.abort(), seconds * 1000);
  await raging;
  setTimeout(() => giveUp.abort(), seconds * 1000 + 45_000).unref();
  await Promise.all(working);
  return [known, await judge(stage, known)];
}

const stage = await setStage();
try {
  const [known, findings] = await play(stage, 1, Number(options["minutes"]) * 60);
  for (const [what, outcomes] of known.counts) console.log(what, Object.fromEntries(outcomes));
  console.log(Object.fromEntries(nemesis.counts), known.deeds.length, known.reads.length);
  for (const finding of findings.slice(0, 20)) console.log(styleText("red", JSON.stringify(finding)));
  console.log(findings.length, "findings");
  if (findings.length) keepLog(stage.postgres, `/tmp/torture-${seed}.log`);
  if (findings.length) writeEvents(`/tmp/torture-${seed}.ndjson`, shrink(known, nemesis, findings));
  for (const s of [stage.server, ...stage.workers]) console.log(s.failures);
  process.exitCode = findings.length ? 1 : 0;
} finally {
  await stage.stop();
}
