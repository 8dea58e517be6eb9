import { afterAll, beforeAll, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { newPool } from "../../src/client.ts";
import { silentLog } from "../../src/log.ts";
import { startJobs } from "../../src/worker/jobs.ts";
import { DEFAULT_RETENTION } from "../../src/worker/retention.ts";
import { startCutter, type Cutter } from "../support/cutter.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { until } from "../support/temporary.ts";

/* Whatever becomes of its connections, the worker lives: what nobody catches fails the test that runs just then. */

let database: TestDatabase;
let cutter: Cutter;
let connectionString: string;

beforeAll(async () => {
  database = await createDatabase();
  cutter = await startCutter(database.url);
  connectionString = cutter.lead(database.urlOf("daybook_worker"));
});
afterAll(async () => {
  cutter?.close();
  await database?.drop();
});

test("a listener whose connection ends while it is being shut down is given back once", async () => {
  const pool = newPool({ connectionString, max: 5 });
  pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
  const kept = cutter.keepBack('LISTEN "jobs:insert"');
  const jobs = await startJobs({
    pool,
    concurrency: 2,
    retention: DEFAULT_RETENTION,
    log: silentLog,
  });
  const end = await kept;
  const stopping = jobs.stop();
  await until(
    "all but the listener have given theirs back",
    () => pool.totalCount - pool.idleCount === 1,
  );
  end();
  await stopping;
  await until("the listener has given its back", () => pool.totalCount === pool.idleCount);
  await sleep(50); // a rejection that nobody catches is told a moment later
  await pool.end();
});
