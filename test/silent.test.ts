import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Client, newPool } from "../src/client.ts";
import { VIGIL } from "../src/vigil.ts";
import { clusterUrl } from "./support/database.ts";
import { startCutter, type Cutter } from "./support/cutter.ts";

/* A server that says nothing any more, and nobody says that it is gone. */

const usual = { ...VIGIL };
let cutter: Cutter;
let client: Client;

beforeEach(async () => {
  Object.assign(VIGIL, { quiet: 300, every: 100, patience: 50, tries: 3 });
  cutter = await startCutter(clusterUrl());
  client = new Client({ connectionString: cutter.lead(clusterUrl()) });
  await client.connect();
});
afterEach(async () => {
  Object.assign(VIGIL, usual);
  cutter.close();
  await client.end().catch(() => {});
});

test("what waits for a server that cannot be reached any more is told", async () => {
  cutter.silence("takes none");
  const began = Date.now();
  await expect(client.query("select 1")).rejects.toMatchObject({
    code: "08006",
    message: expect.stringMatching(
      /^127\.0\.0\.1:\d+ does not answer and cannot be reached any more$/,
    ),
  });
  expect(Date.now() - began).toBeGreaterThan(VIGIL.quiet);
  await expect(client.query("select 1")).rejects.toThrow(/not queryable/);
});

test("so is what is sent through a pool, which forgets that connection", async () => {
  const pool = newPool({ connectionString: cutter.lead(clusterUrl()), max: 1 });
  try {
    await pool.query("select 1");
    cutter.silence("takes none");
    await expect(pool.query("select 1")).rejects.toMatchObject({ code: "08006" });
    expect(pool.totalCount).toBe(0);
  } finally {
    await pool.end();
  }
});

test("a statement may take as long as it likes while its server takes connections", async () => {
  const { rows } = await client.query("select pg_sleep(1.5), 1 as one");
  expect(rows).toMatchObject([{ one: 1 }]);
  cutter.silence("takes new ones");
  const waiting = client.query("select 1").then(
    () => "answered",
    () => "told",
  );
  const patient = new Promise((resolve) => setTimeout(resolve, 1500, "waits"));
  expect(await Promise.race([waiting, patient])).toBe("waits");
});

test("a connection that rests is nobody's business", async () => {
  await client.query("select 1");
  cutter.silence("takes none");
  let ended = false;
  client.once("end", () => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(ended).toBe(false);
});
