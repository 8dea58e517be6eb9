import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { join } from "node:path";
import { Pool } from "pg";
import { newPool } from "../../src/client.ts";
import { withLogin } from "../../src/database-url.ts";
import { violations } from "../support/books.ts";
import { contradictions } from "../support/diary.ts";
import { prepare } from "../support/durable.ts";
import { openLedger } from "../support/ledgers.ts";
import {
  addFile,
  backUp,
  configure,
  settingsOf,
  startNode,
  type Node,
} from "../support/replication.ts";
import { runCli, startCli, type Running } from "../support/run-cli.ts";
import { lost } from "../support/sealing.ts";
import { temporaryFolder, until } from "../support/temporary.ts";
import { startClients, type Clients } from "./clients.ts";

const SEED = Number(process.env["DAYBOOK_SEED"] ?? Math.floor(Math.random() * 1e9));
const ACCOUNTS = ["a", "b", "c"]; // few, so that much is queued and enough to be rolled up
/** How many calls to have acknowledged before the primary is killed, and after. */
const CALLS = 500;

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

/** A standby as docs/operations.md says, in step with its primary. */
async function startStandby(primary: Node, name: string): Promise<Node> {
  await pool.query(`create role replicator login replication password 'secret'`);
  await pool.query(`select pg_create_physical_replication_slot($1, true)`, [name]);
  const dataDir = join(folder.path, name);
  await backUp(primary, dataDir);
  const changes = { "one.example": "127.0.0.1", "5432": `${primary.port}`, "…": "secret" };
  configure(dataDir, settingsOf("The standby", changes));
  addFile(dataDir, "standby.signal", "");
  const standby = await start(name);
  await pool.query("alter system set synchronous_standby_names = 'two'");
  await pool.query("select pg_reload_conf()");
  await until("the standby is in step", async () => {
    const row = await get("select sync_state from pg_stat_replication");
    return row?.sync_state === "sync";
  });
  return standby;
}

/** How long nobody was served, in milliseconds. */
function outage({ times }: Clients): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.max(...sorted.slice(1).map((time, n) => time - sorted[n]!));
}

test("the primary is killed under load: clients, server and worker go on with the standby, and nothing is lost", async () => {
  const [one] = nodes as [Node];
  const two = await startStandby(one, "two");
  const url = one.url.replace("@127.0.0.1:", `@127.0.0.1:${two.port},127.0.0.1:`);
  await pool.end();
  pool = poolOf(url);
  const start = (args: string[], login: string) => {
    const program = startCli(args, { DATABASE_URL: withLogin(url, login, "secret") });
    programs.push(program);
    return program;
  };
  const worker = start(["work"], "daybook_worker");
  const server = start(["serve", "--port", "0"], "daybook_authenticator");
  const address = () => /GraphQL at (\S+)/.exec(server.output.stderr + server.output.stdout)?.[1];
  await until("both work", () => address() && worker.output.stderr.includes("working"), 20_000);

  const graphql = address()!;
  const clients = startClients({ url, graphql, ledger, queue, accounts: ACCOUNTS, seed: SEED });
  await until("enough is done", () => clients.times.length > CALLS, 30_000);
  const before = await progress();
  await until("the log is sealed", async () => (await progress()).sealed > before.sealed);
  const head = await get("select no, hash from daybook.log_head($1)", [ledger]);
  await one.kill();
  const killed = clients.times.length;
  await two.promote();
  await until("enough is done again", () => clients.times.length > killed + CALLS, 30_000);
  await clients.stop();
  process.stderr.write(`failover: ${outage(clients)} ms without an acknowledged call\n`);

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
  expect(await runCli(["verify"], { DATABASE_URL: url })).toMatchObject({ code: 0 });
});

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
