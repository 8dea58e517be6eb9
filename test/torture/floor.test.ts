import { describe, expect, test } from "@jest/globals";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkFloor } from "../../torture/checks/floor.ts";
import { deadlocksIn } from "../../torture/checks/logs.ts";
import { pursue } from "../../torture/clients/client.ts";
import { settleDoubts } from "../../torture/clients/doubts.ts";
import { newKnown } from "../../torture/clients/known.ts";
import type { Past } from "../../torture/clients/past.ts";
import { counted, type Use } from "../../torture/doors/counted.ts";
import type { Door, Outcome } from "../../torture/doors/door.ts";
import { alarmsIn } from "../../torture/stage/service.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { asked } from "./support.ts";

const known = () => newKnown("main", "abroad", { deeds: [], reads: [] } as unknown as Past);

/** A door at which one answer after the other is given. */
const doorOf = (...outcomes: Outcome[]): Door => ({
  kind: "sql",
  call: async () => outcomes.shift() ?? { is: "busy", code: "57P03" },
  close: async () => {},
});
const answered = (row: object): Outcome => ({ is: "answered", rows: [row] });

const usual = () => {
  const uses = new Map<string, Use>();
  // What is asked for is read off what a run says that lacks everything.
  for (const { what } of checkFloor([new Map()], 1))
    uses.set(/^(.*) was asked/.exec(what)![1]!, { asked: 9, answered: 1 });
  return uses;
};

const saying = (name: string, use: Use) =>
  checkFloor([usual().set(name, use)], 1).map(({ what }) => what);

describe("a long run", () => {
  test("has something to show for itself over both doors", () => {
    expect(checkFloor([usual()], 1)).toEqual([]);
    expect(usual().size).toBeGreaterThan(20);
    for (const name of ["post_transaction over sql", "post_transaction over graphql"])
      expect(saying(name, { asked: 3, answered: 0 })).toEqual([
        `${name} was asked for 3 times, and never answered`,
      ]);
  });

  test("may have asked for rarer things in vain, but not often", () => {
    expect(saying("rebuild_search over sql", { asked: 10, answered: 0 })).toEqual([]);
    expect(saying("rebuild_search over sql", { asked: 30, answered: 0 })).toHaveLength(1);
  });

  test("has holds that expire", () => {
    expect(checkFloor([usual()], 0)).toHaveLength(1);
  });

  test("counts what was asked and answered", async () => {
    const uses = new Map<string, Use>();
    const door = counted(doorOf(answered({})), uses);
    for (let n = 0; n < 2; n++) await door.call("log_head", {});
    expect([...uses]).toEqual([["log_head over sql", { asked: 2, answered: 1 }]]);
  });
});

test("who has to give up though nothing disturbs him says so", async () => {
  const mine = known();
  const deed = asked("x", "create_transaction", { idempotency_key: "x" }, 1);
  const options = { name: "s0", known: mine, door: doorOf(), giveUp: AbortSignal.abort() };
  await pursue(options, [deed], async () => [{ is: "lost", code: "08006" }]);
  expect(mine.lies).toEqual([{ what: expect.stringMatching("never came to an end"), about: "x" }]);
});

/** A deed that was refused after an answer got lost, and how it ends. */
async function settled(outcome: Outcome, there?: string) {
  const mine = known();
  const deed = Object.assign(asked("x", "create_transaction", { idempotency_key: "x" }, 1), {
    fate: "refused" as const,
    code: "LDBAL",
  });
  mine.deeds.push(deed);
  const last = answered({ transaction_id: "l", status: "posted", replayed: false });
  const books = { ask: async () => ({ rows: there ? [{ id: there }] : [] }) };
  await settleDoubts(books as never, mine, [doorOf(outcome, last)]);
  return { deed, lies: mine.lies.map(({ what }) => what) };
}
const told = (replayed: boolean) => answered({ transaction_id: "t", status: "posted", replayed });

describe("when all is quiet", () => {
  test("what came through is a replay, what did not is new or refused for good", async () => {
    expect(await settled(told(true), "t")).toMatchObject({ lies: [], deed: { fate: "done" } });
    expect(await settled(told(false))).toMatchObject({ lies: [], deed: { fate: "done" } });
    const refused = await settled({ is: "refused", code: "LDBAL", detail: null });
    expect(refused).toMatchObject({ lies: [], deed: { fate: "refused", lost: 0 } });
  });

  test("what is there and said to be new is a lie, and so is a replay of nothing", async () => {
    for (const { lies } of [await settled(told(false), "t"), await settled(told(true))])
      expect(lies).toEqual([expect.stringMatching("asked again when all was quiet")]);
  });

  test("everybody who comes is served", async () => {
    const mine = known();
    const refusing = doorOf({ is: "refused", code: "LDCLS", detail: null });
    await settleDoubts({ ask: async () => ({ rows: [] }) } as never, mine, [refusing]);
    expect(mine.lies).toEqual([
      { what: "last over sql was refused with LDCLS", about: "last over sql" },
    ]);
  });
});

test("deadlocks are read in the server's log, wherever they stand", async () => {
  const folder = temporaryFolder();
  const file = join(folder.path, "log");
  writeFileSync(file, "LOG:  a\nERROR:  deadlock detected\nDETAIL:  Process 1 waits\nLOG:  b\n");
  expect(await deadlocksIn([file, file])).toHaveLength(2);
  expect((await deadlocksIn([file]))[0]).toMatch(/deadlock detected\nDETAIL:  Process 1 waits/);
  writeFileSync(file, "LOG:  a\n");
  expect(await deadlocksIn([file])).toEqual([]);
  folder.remove();
});

test("what a worker finds wrong is read in its log", () => {
  expect(alarmsIn("a\n12:00 ERROR DRIFT: account x\nb\n12:01 ERROR WRONG: y\n")).toEqual([
    "12:00 ERROR DRIFT: account x",
    "12:01 ERROR WRONG: y",
  ]);
  expect(alarmsIn("all is well\n")).toEqual([]);
});
