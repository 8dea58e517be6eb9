import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { silentLog } from "../src/log.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { startCutter, type Cutter } from "./support/cutter.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";

let database: TestDatabase;
let cutter: Cutter;

beforeAll(async () => {
  database = await createDatabase();
  cutter = await startCutter(database.url);
});
afterAll(async () => {
  cutter?.close();
  await database?.drop();
});

// graphile-migrate's own, and the one that waits until that is gone
test.each([2, 3])("of connection %i that ends, migrate tells by its error alone", async (nth) => {
  const connectionString = cutter.lead(database.url);
  // A session begins with some 620 bytes; behind them is the answer to its first query.
  for (let much = 604; much <= 676; much += 12) {
    cutter.cutAfter(much, "closed", nth);
    const error = await migrate({ connectionString, log: silentLog }).catch((thrown) => thrown);
    if (nth === 2) expect(error).toHaveProperty("message");
    else expect(error).toBeUndefined();
    await sleep(20); // what nobody catches fails the test
  }
  cutter.heal();
  await migrate({ connectionString, log: silentLog });
});
