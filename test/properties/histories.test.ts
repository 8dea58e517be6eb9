import { afterAll, beforeAll, test } from "@jest/globals";
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
    const plays = fc.asyncProperty(history, (operations) =>
      playHistory(database, client, operations),
    );
    await fc.assert(plays, {
      numRuns: RUNS,
      seed: SEED,
      interruptAfterTimeLimit: 40_000 + RUNS * 2_000, // a failing history is made short, but not for ever
    });
  },
  60_000 + RUNS * 2_000,
);
