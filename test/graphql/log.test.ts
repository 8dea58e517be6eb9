import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { seal } from "../support/sealing.ts";
import { openBooks, startTestServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await openBooks(server);
});
afterAll(() => server?.stop());

const HEAD = `{ logHead(ledger: "main") { ledger no hash sealedAt } }`;
const VERIFY = `query ($from: BigInt, $max: BigInt) {
  verifyLog(ledger: "main", fromNo: $from, maxRecords: $max) { fromNo toNo headNo headHash problem no logId detail }
}`;
const CHECK = `query ($no: BigInt!, $hash: String!) { checkLogHead(ledger: "main", no: $no, hash: $hash) }`;

test("the log's head, whether it is known, and what is wrong with the log", async () => {
  const { pool } = server.database;
  expect((await server.data(HEAD)).logHead).toMatchObject({ no: "0", sealedAt: null });
  await seal(pool, "main");
  const { logHead } = await server.data(HEAD);
  expect(logHead).toMatchObject({ ledger: "main", hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const { no, hash } = logHead;
  expect(await server.data(CHECK, { no, hash })).toEqual({ checkLogHead: true });
  expect(await server.data(CHECK, { no: "1", hash })).toEqual({ checkLogHead: false });
  const whole = { fromNo: "1", toNo: no, headNo: no, headHash: hash, problem: null, detail: null };
  expect((await server.data(VERIFY)).verifyLog).toMatchObject(whole);
  expect((await server.data(VERIFY, { from: "1", max: "1" })).verifyLog).toMatchObject(whole);

  await pool.query(
    `set session_replication_role = replica;
     update daybook_private.seals set leaf = sha256(leaf) where ledger = 'main' and no = 1;
     reset session_replication_role`,
  );
  expect((await server.data(VERIFY)).verifyLog).toMatchObject({
    problem: "record_changed",
    no: "1",
    logId: expect.any(String),
    detail: { record: { ledger: "main" } },
  });
});

test("amounts and numbers of yours in JSON are not rounded", async () => {
  const [large, larger] = ["123456789012345678901", "123456789012345678902"];
  const { rows } = await server.database.pool.query<{ id: string }>(
    `select transaction_id as id from daybook.create_transaction('main', array[
       daybook.debit('bank', ${large}), daybook.credit('users:alice', ${large})],
       status => 'pending', metadata => '{"n": ${larger}, "few": 1.5}')`,
  );
  const { transactionVersions, transaction } = await server.data(
    `query ($id: UUID!) {
       transactionVersions(ledger: "main", transactionId: $id) { nodes { data } }
       transaction(ledger: "main", id: $id) { metadata }
     }`,
    { id: rows[0]!.id },
  );
  const entries = [{ amount: large }, { amount: large }];
  expect(transactionVersions.nodes).toMatchObject([{ data: { entries } }]);
  expect(transaction).toEqual({ metadata: { n: larger, few: 1.5 } });
});

test("what is refused", async () => {
  const { errors } = await server.ask(VERIFY.replace('"main"', '"none"'));
  expect(errors).toMatchObject([{ extensions: { code: "LEDGER_NOT_FOUND" } }]);
  const refused = await server.ask(CHECK, { no: "-1", hash: "0" });
  expect(refused.errors).toMatchObject([{ extensions: { code: "INVALID_ARGUMENT" } }]);
});
