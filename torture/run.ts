import { checkAfterwards } from "./checks/afterwards.ts";
import type { Finding } from "./checks/finding.ts";
import { checkFloor, LONG } from "./checks/floor.ts";
import { judgeEvidence } from "./checks/judge-evidence.ts";
import { newNemesis, type Nemesis } from "./nemesis/nemesis.ts";
import { readOptions, type Options } from "./options.ts";
import { playChapter, type Chapter } from "./play.ts";
import { explain, sayWrong } from "./report/explain.ts";
import { readFailure } from "./report/keep.ts";
import { say, summarise } from "./report/summary.ts";
import { BEGUN } from "../test/mutations/judge.ts";
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

/** Says whether all is right, also to whoever started this. */
function end(findings: Finding[]): void {
  say(findings.length > 0 ? "the ledger is broken" : "all is right");
  process.exitCode = findings.length > 0 ? 1 : 0;
}

/** Judges again what a failing run has kept, without a ledger. */
function judgeAgain(file: string): void {
  const { findings } = judgeEvidence(readFailure(file).evidence);
  sayWrong(findings);
  end(findings);
}

async function torture(options: Options): Promise<void> {
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
    const { findings } = last;
    if (findings.length === 0) findings.push(...(await checkAfterwards(stage, chapters)));
    if (findings.length === 0 && options.minutes >= LONG) {
      const expired = chapters.reduce((sum, chapter) => sum + chapter.expired, 0);
      const uses = chapters.map(({ known }) => known.uses);
      findings.push(...checkFloor(uses, expired));
    }
    summarise(chapters, nemesis);
    if (findings.length > 0) explain(stage, nemesis, last, options);
    end(findings);
  } finally {
    await stage.stop();
  }
}

const options = readOptions();
if (options.judge) judgeAgain(options.judge);
else await torture(options);
