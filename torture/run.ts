import { copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { groupBy } from "./checks/books.ts";
import { checkAfterwards } from "./checks/afterwards.ts";
import { checkFloor, LONG } from "./checks/floor.ts";
import { newNemesis, type Nemesis } from "./nemesis/nemesis.ts";
import { readOptions, type Options } from "./options.ts";
import { playChapter, type Chapter } from "./play.ts";
import { shrink, writeEvents } from "./report/shrink.ts";
import { say, summarise } from "./report/summary.ts";
import { BEGUN } from "../test/mutations/judge.ts";
import { keepLog } from "./stage/postgres.ts";
import { setStage, type Stage } from "./stage/stage.ts";

/* `npm run torture`: uses the ledger while everything goes wrong, and judges what came of it. Exit code 1 if it is wrong. */

/** Plays chapters until the time is over, or one is wrong. */
async function playAll(stage: Stage, nemesis: Nemesis, options: Options): Promise<Chapter[]> {
  const deadline = Date.now() + options.minutes * 60_000;
  const chapters: Chapter[] = [];
  for (;;) {
    const left = (deadline - Date.now()) / 1000;
    if (left <= 0 || chapters.some(({ findings }) => findings.length > 0)) break;
    // The last one lasts to the end: one of some seconds shows nothing.
    const seconds = left < 1.5 * options.chapterSeconds ? left : options.chapterSeconds;
    const number = chapters.length + 1;
    const chapter = await playChapter(stage, nemesis, options, number, seconds);
    chapters.push(chapter);
    say(`chapter ${number}, seed ${chapter.seed}: ${chapter.summary}`);
  }
  return chapters;
}

/** Says what is wrong in a chapter, and leaves what led to it in files. */
function explain(stage: Stage, nemesis: Nemesis, chapter: Chapter, options: Options): void {
  const { findings, seed, known } = chapter;
  for (const [check, some] of groupBy(findings, (finding) => finding.check)) {
    for (const { what, about } of some.slice(0, 5))
      say(`WRONG (${check}): ${what} [${about.join(", ")}]`);
    if (some.length > 5) say(`and ${some.length - 5} more of ${check}`);
  }
  const file = (ending: string) => join(tmpdir(), `daybook-torture-${seed}.${ending}`);
  writeEvents(file("ndjson"), shrink(known, nemesis, findings));
  keepLog(stage.postgres.dataDir(), join(stage.folder, "postgres.log"));
  copyFileSync(join(stage.folder, "postgres.log"), file("log"));
  say(`the events concerned: ${file("ndjson")}; what PostgreSQL said: ${file("log")}`);
  const minutes = (options.chapterSeconds / 60).toFixed(1);
  say(`the same decisions again: npm run torture -- --seed ${seed} --minutes ${minutes}`);
}

const options = readOptions();
say(`seed ${options.seed}, ${options.minutes} minutes`);
const nemesis = newNemesis(options.evil);
const stage = await setStage(options.mutation);
say(BEGUN);
const begin = performance.now();
try {
  const chapters = await playAll(stage, nemesis, options);
  const last = chapters.at(-1)!;
  const [ran, worked] = [
    performance.now() - begin,
    chapters.reduce((sum, c) => sum + c.seconds, 0),
  ];
  say(`ran for ${(ran / 1000).toFixed()} s, and clients worked for ${worked.toFixed()} of them`);
  if (last.findings.length === 0) last.findings.push(...(await checkAfterwards(stage, chapters)));
  if (last.findings.length === 0 && options.minutes >= LONG) {
    const expired = chapters.reduce((sum, chapter) => sum + chapter.expired, 0);
    last.findings.push(
      ...checkFloor(
        chapters.map(({ known }) => known.uses),
        expired,
      ),
    );
  }
  summarise(chapters, nemesis);
  if (last.findings.length > 0) explain(stage, nemesis, last, options);
  say(last.findings.length > 0 ? "the ledger is broken" : "all is right");
  process.exitCode = last.findings.length > 0 ? 1 : 0;
} finally {
  await stage.stop();
}
