import { afterAll, beforeAll, test } from "@jest/globals";
import * as fc from "fast-check";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { patience, testTimeout } from "../support/patience.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import { playHistory } from "./history.ts";
import { operation } from "./operations.ts";

const [RUNS, EACH] = [20 * EFFORT, 4_000];

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
      ...patience(RUNS, EACH),
      seed: SEED,
      endOnFailure: "DAYBOOK_MUTATION" in process.env, // a deliberate bug is known
    });
  },
  testTimeout(RUNS, EACH),
);
