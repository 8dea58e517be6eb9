import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import { playHistory } from "./history.ts";
import { operation } from "./operations.ts";

const RUNS = 20 * EFFORT;

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

test(
  "whatever happens, in whatever order, the books are right and answer as the model predicts",
  async () => {
    const client = await database.connectAs("test_writer");
    const history = fc.array(operation, { minLength: 25, maxLength: 45, size: "max" });
    let played = 0;
    const plays = fc.asyncProperty(history, async (operations) => {
      await playHistory(database, client, operations);
      played += 1;
    });
    await fc.assert(plays, {
      numRuns: RUNS,
      seed: SEED,
      interruptAfterTimeLimit: 40_000 + RUNS * 2_000, // a failing history is made short, but not for ever
      endOnFailure: "DAYBOOK_MUTATION" in process.env, // a deliberate bug is known
    });
    expect(played).toBeGreaterThan(RUNS / 4);
  },
  60_000 + RUNS * 2_000,
);
