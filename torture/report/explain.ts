import { copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { groupBy } from "../checks/books.ts";
import type { Finding } from "../checks/finding.ts";
import type { Nemesis } from "../nemesis/nemesis.ts";
import type { Options } from "../options.ts";
import type { Chapter } from "../play.ts";
import { keepLog } from "../stage/postgres.ts";
import type { Stage } from "../stage/stage.ts";
import { keepFailure } from "./keep.ts";
import { kindsOf } from "./kinds.ts";
import { minimise } from "./minimise.ts";
import { shown, shrink, writeEvents } from "./shrink.ts";
import { say } from "./summary.ts";

/** Says what is wrong. */
export function sayWrong(findings: Finding[]): void {
  for (const [check, some] of groupBy(findings, (finding) => finding.check)) {
    for (const { what, about } of some.slice(0, 5))
      say(`WRONG (${check}): ${what} [${about.join(", ")}]`);
    if (some.length > 5) say(`and ${some.length - 5} more of ${check}`);
  }
}

/** Says what is wrong in a chapter, and leaves what led to it in files. */
export function explain(stage: Stage, nemesis: Nemesis, chapter: Chapter, options: Options): void {
  const { findings, seed } = chapter;
  sayWrong(findings);
  const file = (ending: string) => join(tmpdir(), `daybook-torture-${seed}.${ending}`);
  keepLog(stage.postgres.dataDir(), join(stage.folder, "postgres.log"));
  copyFileSync(join(stage.folder, "postgres.log"), file("log"));
  const named = shrink(chapter.known, nemesis, findings);
  writeEvents(file("ndjson"), named);
  say(
    `${named.length} events name what the findings name: ${file("ndjson")}; what PostgreSQL said: ${file("log")}`,
  );
  sayLeast(chapter, nemesis, file);
  const minutes = (options.chapterSeconds / 60).toFixed(1);
  say(`the same decisions again: npm run torture -- --seed ${seed} --minutes ${minutes}`);
}

/** Leaves the events without which nothing is wrong, where that can be found out, and says how to judge them again. */
function sayLeast(
  { known, evidence }: Chapter,
  nemesis: Nemesis,
  file: (ending: string) => string,
) {
  const least = evidence && minimise(evidence);
  if (!least)
    return say(
      "fewer cannot be told: nothing is wrong with what can be judged again without the database",
    );
  const kinds = kindsOf(least.findings);
  keepFailure(file("json"), { kinds, evidence: least.evidence });
  writeEvents(file("least.ndjson"), shown(least.evidence.known, nemesis, known));
  const end = least.isDone
    ? "none of which can be left out"
    : "and there was no time to try them all";
  say(
    `of ${least.before} events ${least.left} are enough, ${end}: ${file("least.ndjson")}; for ${kinds.join("; ")}`,
  );
  say(`judge them again: npm run torture -- --judge ${file("json")}`);
  say("keep them as a test: copy that file into test/torture/kept/, under a short name");
}
