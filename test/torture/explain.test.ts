import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Evidence } from "../../torture/checks/evidence.ts";
import type { Finding } from "../../torture/checks/finding.ts";
import { judgeEvidence } from "../../torture/checks/judge-evidence.ts";
import { explain } from "../../torture/report/explain.ts";
import { readFailure } from "../../torture/report/keep.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { LedgerByHand } from "./ledger-by-hand.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => void (folder = temporaryFolder()));
afterEach(() => folder.remove());

const inFolder = (name: string) => join(folder.path, name);

/** A call that was right, and a read that was not. */
function wrongRead(): Evidence {
  const ledger = new LedgerByHand("free:1", "free:2", "free:3");
  ledger.move("right", "free:2", "free:3", 20);
  ledger.read("free:1", 1);
  return ledger.evidence();
}

/** What is said of a chapter, without times and the folder. */
function said(
  findings: Finding[],
  known: Evidence["known"],
  evidence?: Evidence,
  log = "data.log",
): string[] {
  const lines: string[] = [];
  const spy = jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    lines.push(String(text).trim().replace(/^\S+ /, "").replaceAll(folder.path, "."));
    return true;
  });
  try {
    writeFileSync(inFolder(log), "LOG:  ready\n");
    const stage = { folder: folder.path, postgres: { dataDir: () => inFolder("data") } };
    const chapter = { seed: 7, findings, known, evidence };
    explain(stage, { history: [] }, chapter, { chapterSeconds: 30 }, folder.path);
    return lines;
  } finally {
    spy.mockRestore();
  }
}

const AGAIN = "the same decisions again: npm run torture -- --seed 7 --minutes 0.5";
const KIND = "reads: free:# was read as #, which it never was then";

test("what is wrong is said and left in files", () => {
  const evidence = wrongRead();
  const { findings } = judgeEvidence(evidence);
  expect(said(findings, evidence.known, evidence)).toEqual([
    "WRONG (reads): free:1 was read as 0,0,1,0,1, which it never was then [free:1, s0 60]",
    "2 events name what the findings name: ./daybook-torture-7.ndjson",
    "what PostgreSQL said: ./daybook-torture-7.log",
    AGAIN,
    `of 6 events 3 are enough, nothing more can be left out by itself: ./daybook-torture-7.least.ndjson; for ${KIND}`,
    "judge them again: npm run torture -- --judge ./daybook-torture-7.json",
    "keep them as a test: copy that file into test/torture/kept/, under a short name",
  ]);
  expect(readFailure(inFolder("daybook-torture-7.json")).kinds).toEqual([KIND]);
  const events = readFileSync(inFolder("daybook-torture-7.ndjson"), "utf8").trim().split("\n");
  expect(events).toHaveLength(2);
  expect(readFileSync(inFolder("daybook-torture-7.log"), "utf8")).toBe("LOG:  ready\n");
});

test("it is said what of it cannot be judged again, whether something can or not", () => {
  const evidence = wrongRead();
  const { findings } = judgeEvidence(evidence);
  const books = { check: "books", what: "4 missing", about: [] };
  const line =
    "fewer cannot be told for books: # missing: that cannot be judged again without the database";
  expect(said([books], evidence.known)).toContain(line);
  expect(said([books, ...findings], evidence.known, evidence)).toEqual(
    expect.arrayContaining([line, expect.stringContaining(`events 3 are enough`)]),
  );
});

test("what cannot be shrunk is said all the same, and what cannot be kept is shrunk", () => {
  const evidence = wrongRead();
  const { findings } = judgeEvidence(evidence);
  const torn = { ...evidence, here: undefined } as unknown as Evidence;
  expect(said(findings, evidence.known, torn)).toEqual([
    expect.stringMatching(/^WRONG/),
    expect.stringMatching(/events/),
    expect.stringMatching(/PostgreSQL/),
    AGAIN,
    expect.stringMatching(/^it could not be shrunk: TypeError/),
  ]);
  evidence.known.reads[0]!.rows[0]!["more"] = NaN;
  expect(said(findings, evidence.known, evidence).slice(-2)).toEqual([
    expect.stringContaining("events 3 are enough"),
    expect.stringMatching(/^it could not be kept: Error: more is NaN/),
  ]);
  expect(existsSync(inFolder("daybook-torture-7.json"))).toBe(false);
});

test("what PostgreSQL said may be lost, and nothing else with it", () => {
  const evidence = wrongRead();
  const { findings } = judgeEvidence(evidence);
  rmSync(inFolder("data.log"), { force: true });
  rmSync(inFolder("postgres.log"), { force: true });
  const lines = said(findings, evidence.known, evidence, "elsewhere.log");
  expect(lines[2]).toMatch(/^it could not be told what PostgreSQL said: Error: ENOENT/);
  expect(lines).toContain(AGAIN);
  expect(lines.at(-1)).toMatch(/^keep them as a test/);
});
