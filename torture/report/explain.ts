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

/** Says what is wrong in a chapter, and leaves what led to it in files of a folder. */
export function explain(
  stage: Explained,
  nemesis: Evils,
  chapter: Wrong,
  { chapterSeconds }: Pick<Options, "chapterSeconds">,
  folder = tmpdir(),
): void {
  const { findings, known, seed } = chapter;
  sayWrong(findings);
  const file = (ending: string) => join(folder, `daybook-torture-${seed}.${ending}`);
  const named = shrink(known, nemesis, findings);
  writeEvents(file("ndjson"), named);
  say(`${named.length} events name what the findings name: ${file("ndjson")}`);
  attempt("told what PostgreSQL said", () => {
    keepLog(stage.postgres.dataDir(), join(stage.folder, "postgres.log"));
    copyFileSync(join(stage.folder, "postgres.log"), file("log"));
    say(`what PostgreSQL said: ${file("log")}`);
  });
  const minutes = (chapterSeconds / 60).toFixed(1);
  say(`the same decisions again: npm run torture -- --seed ${seed} --minutes ${minutes}`);
  attempt("shrunk", () => sayLeast(chapter, nemesis, file));
}

type Explained = Pick<Stage, "folder"> & { postgres: Pick<Stage["postgres"], "dataDir"> };
type Evils = Pick<Nemesis, "history">;
type Wrong = Pick<Chapter, "seed" | "findings" | "evidence"> & {
  known: Pick<Chapter["known"], "deeds" | "reads" | "past">;
};
type File = (ending: string) => string;

/** Whatever fails in what is done with findings, they are said to the end. */
function attempt(done: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    say(`it could not be ${done}: ${error}`);
  }
}

/** Leaves the events without which nothing is wrong, where that can be found out. */
function sayLeast({ findings, known, evidence }: Wrong, nemesis: Evils, file: File): void {
  const least = evidence && minimise(evidence);
  const judged = kindsOf(least?.all ?? []);
  const others = kindsOf(findings).filter((kind) => !judged.includes(kind));
  if (others.length > 0)
    say(
      `fewer cannot be told for ${others.join("; ")}: that cannot be judged again without the database`,
    );
  if (!least) return;
  const kinds = kindsOf(least.findings);
  const end = least.isDone
    ? "nothing more can be left out by itself"
    : "and there was no time to try them all";
  writeEvents(file("least.ndjson"), shown(least.evidence.known, nemesis, known));
  say(
    `of ${least.before} events ${least.left} are enough, ${end}: ${file("least.ndjson")}; for ${kinds.join("; ")}`,
  );
  attempt("kept", () => {
    keepFailure(file("json"), { kinds, evidence: least.evidence });
    say(`judge them again: npm run torture -- --judge ${file("json")}`);
    say("keep them as a test: copy that file into test/torture/kept/, under a short name");
  });
}
