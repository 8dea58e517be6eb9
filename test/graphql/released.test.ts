import { expect, test } from "@jest/globals";
import { PassThrough } from "node:stream";
import type { Pool } from "pg";
import { connect, runRead } from "../../src/server/connection.ts";

/** A connection whose statements all fail: those of the beginning at once, the others when it is said. */
function failing() {
  const later: ((error: Error) => void)[] = [];
  const query = (statement: unknown) =>
    new Promise((_, reject) => {
      if (typeof statement === "string" && statement !== "begin") later.push(reject);
      else if (later.length > 0) later.push(reject);
      else reject(new Error("refused"));
    });
  const client = { query, release() {}, connection: { stream: new PassThrough() } };
  const pool = { connect: async () => client } as unknown as Pick<Pool, "connect">;
  return { pool, failLater: () => later.forEach((reject) => reject(new Error("aborted"))) };
}

test("what fails behind a failed beginning is not watched once the connection is somebody else's", async () => {
  const { pool, failLater } = failing();
  const connection = await connect(pool, "begin", { "daybook.one": "1" }, true);
  await expect(runRead(connection, { text: "select 1" })).rejects.toMatchObject({ code: "08006" });
  connection.release();
  failLater();
  await new Promise(setImmediate);
  expect(connection.watch).toBeUndefined();
});
