import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "pg";
import { newPool } from "../../src/client.ts";
import { withLogin } from "../../src/database-url.ts";
import { violations } from "../support/books.ts";
import { contradictions } from "../support/diary.ts";
import { prepare } from "../support/durable.ts";
import { enqueue, finish, openLedger, transfer, type CreateOptions } from "../support/ledgers.ts";
import {
  addFile,
  backUp,
  block,
  command,
  configure,
  copyFolder,
  startNode,
  unusedBlocks,
  type Node,
} from "../support/replication.ts";
import { runCli, startCli, type Result, type Running } from "../support/run-cli.ts";
import { lost, seal } from "../support/sealing.ts";
import { SEED } from "../support/seed.ts";
import type { Row } from "../support/sessions.ts";
import { temporaryFolder, until } from "../support/temporary.ts";
import { startClients, type Clients } from "./clients.ts";

jest.setTimeout(180_000);

const ACCOUNTS = ["a", "b", "c"]; // few, so that much is queued and enough to be rolled up
/** How many calls to have acknowledged before the primary is killed, and after. */
const CALLS = 500;
/** How long nobody may be served, in milliseconds. A second or less is usual; the rest is for machines with much to do. */
const LONGEST_OUTAGE = 15_000;

const folder = temporaryFolder();
const nodes: Node[] = [];
const programs: Running[] = [];
let pool: Pool;
let ledger: string;
let queue: string;

beforeAll(async () => {
  const one = await start("one");
  await prepare(one.url);
  pool = poolOf(one.url);
  for (const login of ["daybook_worker", "daybook_authenticator"])
    await pool.query(`alter role ${login} password 'secret'`);
  const accounts = Object.fromEntries(ACCOUNTS.map((name) => [name, { money: 100_000 }]));
  ledger = await openLedger({ pool }, accounts);
  queue = await openLedger({ pool }, accounts);
});
afterAll(async () => {
  for (const { process, ended } of programs) {
    process.kill("SIGKILL");
    await ended;
  }
  await pool?.end();
  for (const node of nodes) await node.stop();
  folder.remove();
});

async function start(name: string): Promise<Node> {
  const node = await startNode(join(folder.path, name));
  nodes.push(node);
  return node;
}

function poolOf(connectionString: string): Pool {
  const made = newPool({ connectionString });
  return made.on("error", () => {}).on("connect", (client) => client.on("error", () => {}));
}

const get = async (sql: string, values: unknown[] = []) => (await pool.query(sql, values)).rows[0];

/** A standby as docs/operations.md says. */
async function follow(primary: Node, name: string, settings = ""): Promise<Node> {
  await pool.query(block("sql", "The standby", { two: name }));
  const dataDir = join(folder.path, name);
  await backUp(primary, dataDir);
  const { port } = primary;
  const changes = { "one.example": "127.0.0.1", "5432": `${port}`, "…": "secret", two: name };
  configure(dataDir, block("ini", "The standby", changes) + settings);
  addFile(dataDir, "standby.signal", "");
  const standby = await start(name);
  await until("the standby follows", async () => (await followers()).length > 0);
  return standby;
}

/** Changes settings: one statement after the other, each on its own. */
async function alter({ url }: Node, sql: string): Promise<void> {
  for (const statement of sql.split(";")) await command(url, statement);
}

/** States of standbys that have got all there is. */
async function followers(): Promise<string[]> {
  const { rows } = await pool.query(
    "select sync_state from pg_stat_replication where replay_lsn >= pg_current_wal_lsn()",
  );
  return rows.map(({ sync_state }) => sync_state);
}

/** How long nobody was served, in milliseconds, and how much of it since the promotion was asked for. */
function outage({ times }: Clients, promotion: number): Record<string, number> {
  const last = Math.max(...times.filter((time) => time <= promotion));
  const first = Math.min(...times.filter((time) => time > promotion));
  return { inAll: first - last, sincePromotion: first - promotion };
}

test("advisory locks can be kept from strangers; test/security shows that all works on", async () => {
  const client = await pool.connect();
  try {
    await client.query("begin; create role migrator");
    for (const nth of [0, 1, 2])
      await client.query(block("sql", "Strangers in the database", {}, nth));
  } finally {
    await client.query("rollback");
    client.release();
  }
});

test("the primary is killed under load: clients, server and worker go on with the standby, and nothing is lost", async () => {
  const [one] = nodes as [Node];
  await pool.query(block("sql", "One region", { "…": "secret" }));
  const two = await follow(one, "two");
  await alter(one, block("sql", "Waiting for the standby"));
  await until("the standby is waited for", async () => (await followers())[0] === "sync");
  const url = one.url.replace("@127.0.0.1:", `@127.0.0.1:${two.port},127.0.0.1:`);
  expect(await pool.query(block("sql", "Waiting for the standby", {}, 1))).toMatchObject({
    rows: [{ application_name: "two", state: "streaming", sync_state: "sync" }],
  });
  const reading = `${url}?target_session_attrs=standby`;
  const standby = poolOf(reading);
  const balance = "select posted_amount as amount from daybook.account_balance($1, 'a', now())";
  expect((await standby.query(balance, [ledger])).rows).toEqual([{ amount: "100000" }]);
  for (const read of ["account_statement($1, 'a')", "search_transactions($1)", "trial_balance($1)"])
    expect((await standby.query(`select from daybook.${read}`, [ledger])).rowCount).not.toBe(0);
  await standby.end();
  expect(await runCli(["verify"], { DATABASE_URL: reading })).toMatchObject({ code: 0 });
  await pool.end();
  pool = poolOf(url);
  const run = (args: string[], login: string) => {
    const program = startCli(args, { DATABASE_URL: withLogin(url, login, "secret") });
    programs.push(program);
    return program;
  };
  const worker = run(["work"], "daybook_worker");
  const server = run(["serve", "--port", "0"], "daybook_authenticator");
  const address = () => /GraphQL at (\S+)/.exec(server.output.stderr + server.output.stdout)?.[1];
  await until("both work", () => address() && worker.output.stderr.includes("working"), 30_000);

  const graphql = address()!;
  const clients = startClients({ url, graphql, ledger, queue, accounts: ACCOUNTS, seed: SEED });
  await until("enough is done", () => clients.times.length > CALLS, 60_000);
  const before = await progress();
  await until("the log is sealed", async () => (await progress()).sealed > before.sealed);
  const head = await get("select no, hash from daybook.log_head($1)", [ledger]);
  await one.kill();
  const killed = clients.times.length;
  const promotion = Date.now();
  await command(two.url, block("sql", "When the primary fails"));
  await until("enough is done again", () => clients.times.length > killed + CALLS, 60_000);
  await clients.stop();
  const nobodyServed = outage(clients, promotion);
  process.stderr.write(
    `failover, ms without an acknowledged call: ${JSON.stringify(nobodyServed)}\n`,
  );
  expect(nobodyServed.inAll).toBeLessThan(LONGEST_OUTAGE);

  const said = { seed: SEED, told: await contradictions(pool, ledger, clients.diaries) };
  expect(said).toEqual({ seed: SEED, told: [] });
  await until("all is applied and sealed", async () => {
    const { queued, waiting } = await progress();
    if (queued + waiting > 0) return false;
    return (await lost(pool, ledger)).length + (await lost(pool, queue)).length === 0;
  });
  expect([worker.output.code, server.output.code]).toEqual([null, null]); // the same processes still
  const after = await progress();
  expect(after.sealed).toBeGreaterThan(before.sealed);
  expect(after.rolledUp).toBeGreaterThan(before.rolledUp);
  const receipts = await pool.query(
    `select count(*)::integer as n from unnest($2::uuid[]) as r (id), daybook.queued_transaction($1, r.id) q
      where q.state = 'applied'`,
    [queue, [...clients.receipts.values()]],
  );
  expect(receipts.rows[0].n).toBe(clients.receipts.size);
  const known = "select daybook.check_log_head($1, $2, $3) as known";
  expect(await get(known, [ledger, head.no, head.hash])).toEqual({ known: true });
  expect(await violations({ pool })).toEqual([]);
  for (const name of ["migrate", "verify"])
    expect(await runCli([name], { DATABASE_URL: url })).toMatchObject({ code: 0 });
  for (const { process, ended } of programs.splice(0)) {
    process.kill("SIGTERM");
    expect((await ended).code).toBe(0);
  }
});

test("a standby that lagged behind has forgotten what the clients can name, and gets it again", async () => {
  const two = nodes[1]!;
  const archive = { "/archive": join(folder.path, "archive") };
  mkdirSync(archive["/archive"]);
  chmodSync(archive["/archive"], 0o777); // the server is another user where this is root
  const three = await follow(two, "three", block("ini", "The archive", archive));
  const told: Row[] = [];
  const pay = (key: string, options: CreateOptions = {}) =>
    call(transfer(ledger, "a", "b", 1, { idempotency_key: key, ...options }));
  const call = async (statement: { text: string }) => {
    const { rows } = await pool.query(statement);
    told.push(rows[0]);
    return rows[0] as Row;
  };
  const early = await pay("early");
  const held = await pay("held", { status: "pending" });
  await until("the standby has it all", async () => (await followers()).length > 0);
  await alter(three, "alter system set primary_conninfo = ''; select pg_reload_conf()");
  await until("the standby hears no more", async () => {
    return (await pool.query("select from pg_stat_replication")).rowCount === 0;
  });
  const posted = await call(finish("post", ledger, held["transaction_id"], "post"));
  const late = await pay("late");
  const queued = await call(
    enqueue(ledger, transfer(ledger, "a", "b", 1, { idempotency_key: "queued" })),
  );
  await seal(pool, ledger);
  const head = await get("select no, hash from daybook.log_head($1)", [ledger]);
  await two.kill();
  await command(three.url, "select pg_promote()");
  await alter(three, block("sql", "When the primary fails", {}, 1));
  await pool.end();
  pool = poolOf(three.url);

  const DATABASE_URL = three.url;
  await pool.query(block("sql", "Verifying every night", { "…": "secret" }));
  const night = { DATABASE_URL: withLogin(DATABASE_URL, "night", "secret") };
  const whole = { code: 0, stdout: expect.stringMatching(/^\d+ ledgers?, .* all is right\n\*: /) };
  expect(await runCli(["verify"], night)).toMatchObject(whole); // right in itself
  const known = ["--log", "--ledger", ledger, "--head", `${head.no}:${head.hash}`];
  expect(await runCli(["verify", ...known], { DATABASE_URL })).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("never had the head"),
  });
  const { code, stdout } = await verifyTold(three, told);
  expect(code).toBe(1);
  expect(stdout.match(/^(WRONG.*|\d.*)$/gm)).toEqual([
    `WRONG: ledger ${ledger}, ${posted["transaction_id"]}: an acknowledged change of a transaction is missing`,
    `WRONG: ledger ${ledger}, ${late["transaction_id"]}: an acknowledged transaction is missing`,
    `WRONG: ledger ${ledger}, ${queued["receipt_id"]}: an acknowledged receipt is missing`,
    `${told.length} acknowledged: 3 not there, or not so`,
  ]);

  told.length = 0;
  expect(await pay("early")).toMatchObject({ ...early, replayed: true });
  await call(finish("post", ledger, held["transaction_id"], "post"));
  expect(await pay("late")).toMatchObject({ replayed: false });
  await call(enqueue(ledger, transfer(ledger, "a", "b", 1, { idempotency_key: "queued" })));
  expect(await verifyTold(three, told)).toMatchObject({
    code: 0,
    stdout: "4 acknowledged: all is there\n",
  });
});

test("a backup and the archive make the books again as they were at a name, a time, a position", async () => {
  const three = nodes[2]!;
  const base = join(folder.path, "base");
  await backUp(three, base);
  const pay = async (key: string) => {
    const call = transfer(ledger, "a", "b", 1, { idempotency_key: key });
    return (await pool.query(call)).rows[0] as Row;
  };
  const good = await pay("good");
  await seal(pool, ledger);
  const head = await get("select no, hash from daybook.log_head($1)", [ledger]);
  await pool.query(block("sql", "The archive"));
  const { lsn, time } = await get(
    "select pg_current_wal_lsn()::text as lsn, clock_timestamp()::text as time",
  );
  const mistake = await pay("mistake");
  const { file } = await get("select pg_walfile_name(pg_switch_wal()) as file");
  await until("it is archived", async () => existsSync(join(folder.path, "archive", file)));
  await three.kill();

  for (const [kind, target] of [
    ["name", "before the release"],
    ["time", time],
    ["lsn", lsn],
  ]) {
    const dataDir = join(folder.path, `at-${kind}`);
    copyFolder(base, dataDir);
    copyFileSync(`${base}.password`, `${dataDir}.password`);
    const changes = {
      "/archive": join(folder.path, "archive"),
      recovery_target_time: `recovery_target_${kind}`,
      "2026-11-21 09:30:00+00": target,
    };
    configure(dataDir, block("ini", "Restoring", changes));
    addFile(dataDir, "recovery.signal", "");
    const restored = await start(`at-${kind}`);
    const { stdout } = await verifyTold(restored, [good, mistake]);
    expect(stdout.match(/^(WRONG.*|\d.*)$/gm)).toEqual([
      `WRONG: ledger ${ledger}, ${mistake["transaction_id"]}: an acknowledged transaction is missing`,
      "2 acknowledged: 1 not there, or not so",
    ]);
    if (kind === "name") await expectToGoOn(restored, head);
    await restored.stop();
  }
});

/** Restored books are right, have the head that was kept, and are written, folded and sealed as before. */
async function expectToGoOn({ url }: Node, head: Row): Promise<void> {
  await pool.end();
  pool = poolOf(url);
  await until("it is the primary", async () => !(await get("select pg_is_in_recovery() as is")).is);
  await pool.query(transfer(ledger, "a", "b", 1, { idempotency_key: "after" }));
  expect(await seal(pool, ledger)).toBeGreaterThan(0);
  expect(await violations({ pool })).toEqual([]);
  const known = ["--log", "--ledger", ledger, "--head", `${head["no"]}:${head["hash"]}`];
  for (const args of [["verify"], ["verify", ...known]])
    expect(await runCli(args, { DATABASE_URL: url })).toMatchObject({ code: 0 });
}

/** `daybook verify` with what calls returned. */
async function verifyTold({ url }: Node, told: Row[]): Promise<Result> {
  const file = join(folder.path, "told.ndjson");
  writeFileSync(file, told.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return runCli(["verify", "--acknowledged", file], { DATABASE_URL: url });
}

async function progress() {
  const row = await get(
    `select (select sum(rolled_up_version)::integer from daybook.rollups) as "rolledUp",
            (select no::integer from daybook.log_head($1)) as sealed,
            (select count(*)::integer from daybook_private.entry_queue) as queued,
            (select coalesce(sum(depth), 0)::integer from daybook.transaction_queue) as waiting`,
    [ledger],
  );
  return row as Record<"rolledUp" | "sealed" | "queued" | "waiting", number>;
}

test("every block of settings and SQL in docs/operations.md was tried here", () => {
  expect([...unusedBlocks]).toEqual([]);
});
