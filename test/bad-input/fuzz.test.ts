import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Client } from "pg";
import { fingerprint, violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { EFFORT, SEED } from "../support/seed.ts";
import { anyArguments } from "./any.ts";
import { callOf, readContract, type Signature } from "./calls.ts";
import { carryOut, rehearse } from "./outcome.ts";
import type { Composites } from "./values.ts";
import { makeWorld, type Known } from "./world.ts";

/** Calls of each function; transactions are asked for four times as often. */
const RUNS = 60 * EFFORT;

let database: TestDatabase;
let client: Client;
let known: Known;
let signatures: Signature[];
let types: Composites;
beforeAll(async () => {
  database = await createDatabase();
  client = await database.connectAs("test_admin");
  known = await makeWorld(database, client);
  ({ signatures, types } = await readContract(database.pool));
});
afterAll(() => database?.drop());

const anyCall = (signature: Signature) =>
  anyArguments(types, signature).map((values) => callOf(signature, values));

test(
  `whatever is sent, the answer is a result or an error of the contract (seed ${SEED})`,
  async () => {
    const accepted = new Map<string, number>();
    for (const signature of signatures) {
      const property = fc.asyncProperty(anyCall(signature), async (sql) => {
        const { code, problem } = await rehearse(client, known, sql);
        if (problem) throw new Error(problem);
        if (!code) accepted.set(signature.name, (accepted.get(signature.name) ?? 0) + 1);
      });
      const runs = /transactions?$/.test(signature.name) ? 4 * RUNS : RUNS;
      await fc.assert(property, { numRuns: runs, seed: SEED });
    }
    // The fuzz is worth something only if calls get through.
    const never = signatures.map(({ name }) => name).filter((name) => !accepted.has(name));
    expect(accepted.get("create_transaction")).toBeGreaterThan(RUNS / 6);
    expect(never).toEqual([]);
  },
  60_000 + RUNS * 10_000,
);

/** What would keep all others from being accepted, or puts back rows that are believed to have been right elsewhere. */
const NOT_KEPT = /period|month|restore/;

test(
  `what garbage leaves behind is right, and what is refused leaves nothing (seed ${SEED})`,
  async () => {
    const tally = { accepted: 0, refused: 0 };
    const writing = signatures.filter(({ name }) => /transaction|transfer|account$/.test(name));
    const kept = signatures.filter(({ name }) => !NOT_KEPT.test(name));
    let now = await fingerprint(database);
    const property = fc.asyncProperty(
      fc
        .oneof(
          { weight: 3, arbitrary: fc.constantFrom(...writing) },
          { weight: 1, arbitrary: fc.constantFrom(...kept) },
        )
        .chain((signature) => anyCall(signature)),
      async (sql) => {
        const { code, problem } = await carryOut(client, known, sql);
        const before = now;
        now = await fingerprint(database);
        if (problem) throw new Error(problem);
        if (code !== null) expect(now).toBe(before);
        tally[code === null ? "accepted" : "refused"] += 1;
      },
    );
    for (let part = 0; part < 5; part++) {
      await fc.assert(property, { numRuns: 2 * RUNS, seed: SEED + part });
      expect(await violations(database)).toEqual([]);
    }
    expect(tally.accepted).toBeGreaterThan(RUNS);
    expect(tally.refused).toBeGreaterThan(RUNS);
  },
  60_000 + RUNS * 10_000,
);
