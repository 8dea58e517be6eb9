import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { violations } from "../support/books.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import {
  balanceOf,
  batch,
  fold,
  linesOf,
  openLedger,
  transfer,
  withdrawal,
} from "../support/ledgers.ts";
import { openSession, openSessions, outcome, type Session } from "../support/sessions.ts";

let database: TestDatabase;
let holder: Session;
let worker: Session;

beforeAll(async () => {
  database = await createDatabase();
  holder = await openSession(database);
  worker = await openSession(database, "daybook_worker");
});
afterEach(async () => expect(await violations(database)).toEqual([]));
afterAll(() => database?.drop());

/** Lets `holder` hold an account: by a locked entry of 1 into it, in a transaction that stays open. */
async function hold(ledger: string, account: string): Promise<void> {
  await holder.step("begin");
  const to = { show_resulting_balances: true };
  await holder.step(transfer(ledger, "world", account, 1, { to }));
}

test.each([
  ["by a plain pair", { available_balance: { gte: 0 } }],
  ["by an entry that asks otherwise", { posted_balance: { gte: 0 } }],
])(
  "what was queued while a locked entry waited counts: 100, −100 queued, a withdrawal of 80 is refused, %s",
  async (_, from) => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    for (const end of ["commit", "rollback"]) {
      const ledger = await openLedger(database, { alice: { money: 100 } });
      await hold(ledger, "alice");
      const late = ann.step(transfer(ledger, "alice", "world", 80, { from }));
      await ann.waits(holder);
      await bob.step(transfer(ledger, "alice", "world", 100));
      expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 0, queued: 1 });
      await holder.step(end);
      expect(await outcome(late)).toBe("LDBAL");
      expect(await balanceOf(database, ledger, "alice")).toMatchObject({
        posted: end === "commit" ? 1 : 0,
      });
    }
  },
);

test("what was queued for its first account while a call waited for its second one counts", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 }, bella: {} }); // alice is locked first
  await hold(ledger, "bella");
  const asked = {
    from: { posted_balance: { gte: 0 } },
    to: { show_resulting_balances: true },
  };
  const late = ann.step(transfer(ledger, "alice", "bella", 80, asked));
  await ann.waits(holder);
  await bob.step(transfer(ledger, "alice", "world", 100));
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 0, queued: 1 });
  await holder.step("commit");
  expect(await outcome(late)).toBe("LDBAL");
});

test.each([
  ["account_balance", "daybook.account_balance($1, 'alice')"],
  ["account_balances", "daybook.account_balances($1, array['alice'])"],
  ["category_balance", "daybook.category_balance($1, 'all')"],
  ["balances", "daybook.balances where ledger = $1 and account = 'alice'"],
])(
  "%s is that of one moment, at whichever of its looks the queue is folded",
  async (_, reading) => {
    const { ann, bob } = await openSessions(database, ["ann", "bob"]);
    const ledger = await openLedger(database, { alice: { money: 100 } });
    await database.pool.query("select daybook.create_category($1, 'all', 'USD')", [ledger]);
    await database.pool.query("select daybook.add_to_category($1, 'all', 'alice')", [ledger]);
    const stop = await stopAtCounters();
    try {
      for (let look = 1, looks = 1; look <= looks; look++) {
        await hold(ledger, "alice");
        await bob.step(transfer(ledger, "alice", "world", 1));
        await holder.step("rollback");
        await stop.set(ann, look);
        const read = ann.step({
          text: `select (posted_credits - posted_debits)::integer as posted from ${reading}`,
          values: [ledger],
        });
        await ann.rests();
        await database.pool.query(await fold(database, ledger, "alice"));
        await stop.release();
        expect(await read).toEqual({ posted: 100 - look });
        looks = await stop.looks(ann);
        expect(looks).toBeGreaterThan(0);
      }
    } finally {
      await stop.remove();
    }
  },
);

/** Makes a session stop at its n-th look at an account's counters, in the middle of a statement; a superuser looks without. */
async function stopAtCounters() {
  await database.pool.query(`
    create function public.look() returns boolean language plpgsql set search_path to pg_catalog as $$
    begin
      if current_setting('test.stop_at', true) <> '' then
        perform set_config('test.looks', (current_setting('test.looks')::integer + 1)::text, false);
        if current_setting('test.looks') = current_setting('test.stop_at') then
          perform pg_advisory_xact_lock_shared(7);
        end if;
      end if;
      return true;
    end $$;
    create policy look on daybook_private.account_counters as restrictive using (public.look()) with check (true);
    create policy owner on daybook_private.account_counters to daybook_owner using (true);
    alter table daybook_private.account_counters force row level security`);
  const stopper = await database.connect();
  return {
    async set(session: Session, look: number) {
      await stopper.query("select pg_advisory_lock(7)");
      await session.step(
        `select set_config('test.looks', '0', false), set_config('test.stop_at', '${look}', false)`,
      );
    },
    release: () => stopper.query("select pg_advisory_unlock(7)"),
    looks: async (session: Session) =>
      (await session.step("select current_setting('test.looks')::integer as looks"))[
        "looks"
      ] as number,
    async remove() {
      await stopper.end();
      await database.pool.query(`
        alter table daybook_private.account_counters no force row level security;
        drop policy look on daybook_private.account_counters;
        drop policy owner on daybook_private.account_counters;
        drop function public.look()`);
    },
  };
}

test("what was queued while a locked entry waited counts for its version too, and comes before it", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice"); // version 2
  const stale = ann.step(transfer(ledger, "alice", "world", 1, { from: { lock_version: 2 } }));
  await ann.waits(holder);
  await bob.step(transfer(ledger, "alice", "world", 5)); // version 3, queued
  const right = bob.step(transfer(ledger, "alice", "world", 7, { from: { lock_version: 3 } }));
  await bob.waits();
  await holder.step("commit");
  expect([await outcome(stale), await outcome(right)]).toEqual(["LDVER", "posted"]);
  expect(await balanceOf(database, ledger, "alice")).toEqual({
    version: 4,
    posted: 89,
    pending: 89,
    available: 89,
    queued: 0,
  });
});

test("of three that want an account, folding, locked and unlocked, the last alone never waits", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  await bob.step(transfer(ledger, "alice", "world", 10));
  const folding = worker.step(await fold(database, ledger, "alice"));
  await worker.waits(holder);
  const withdrawn = ann.step(withdrawal(ledger, "alice", 91));
  await ann.waits();
  await bob.step(transfer(ledger, "alice", "world", 10));
  await holder.step("commit");
  expect(await outcome(withdrawn)).toBe("LDBAL"); // 100 + 1 - 10 - 10
  expect((await folding)["folded"]).toBeGreaterThan(0);
  await worker.step(await fold(database, ledger, "alice"));
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 81, queued: 0 });
});

test("a fold that began before an entry was queued takes it all the same", async () => {
  const { bob } = await openSessions(database, ["bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  const folding = worker.step(await fold(database, ledger, "alice"));
  await worker.waits(holder);
  await bob.step(transfer(ledger, "alice", "world", 10));
  await holder.step("commit");
  expect(await folding).toEqual({ folded: 1 });
});

test("what is queued by a transaction that vanishes vanishes, and what it folded is queued again", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  await bob.step(transfer(ledger, "alice", "world", 10));
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 50));
  await holder.step("commit");
  await ann.step("savepoint before_folding");
  await ann.step(withdrawal(ledger, "alice", 1)); // folds bob's and its own
  await ann.step("rollback to before_folding");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 91, queued: 1 });
  await ann.step("rollback");
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ posted: 91, queued: 1 });
  expect(await worker.step(await fold(database, ledger, "alice"))).toEqual({ folded: 1 });
});

test("entries of one caller's transaction are folded beneath its own locked entry", async () => {
  const { ann } = await openSessions(database, ["ann"]);
  const ledger = await openLedger(database, { alice: { money: 100 } });
  await hold(ledger, "alice");
  await ann.step("begin");
  await ann.step(transfer(ledger, "alice", "world", 50));
  await holder.step("commit");
  expect(await outcome(ann.step(withdrawal(ledger, "alice", 52)))).toBe("LDBAL");
  await ann.step("rollback");
});

test("many at once: what is free is folded, each by its own counters; what is held or drifted is left", async () => {
  const { ann, bob } = await openSessions(database, ["ann", "bob"]);
  const money = { money: 100 };
  const names = ["alice", "bella", "carol", "dora"];
  const ledger = await openLedger(database, Object.fromEntries(names.map((name) => [name, money])));
  const { rows } = await database.pool.query(
    "select array_agg(id order by address) as ids from daybook.accounts where ledger = $1 and address = any ($2)",
    [ledger, names],
  );
  const ids: string[] = rows[0].ids;
  const foldAll = async () => {
    const { folded, held } = await worker.step({
      text: "select folded, held from daybook_private.fold_accounts($1, $2)",
      values: [ledger, ids],
    });
    return [folded, ...held.map((id: string) => names[ids.indexOf(id)]).toSorted()];
  };
  const lock = (name: string) =>
    transfer(ledger, "world", name, 1, { to: { show_resulting_balances: true } });
  await ann.step("begin");
  for (const name of ["bella", "carol", "dora"]) await ann.step(lock(name));
  await hold(ledger, "alice");
  for (const amount of [5, 7]) await bob.step(transfer(ledger, "bella", "carol", amount));
  for (const name of ["alice", "dora"]) await bob.step(transfer(ledger, name, "carol", 3));
  expect(await foldAll()).toEqual([0, ...names]);

  await ann.step("commit");
  await database.pool.query("select daybook_private.mark_drifted($1, $2, '{}')", [ledger, ids[3]]);
  expect(await foldAll()).toEqual([6, "alice"]);
  const posted = async (name: string) => {
    const { version, posted: amount, queued } = await balanceOf(database, ledger, name);
    return [version, amount, queued];
  };
  expect(await posted("bella")).toEqual([4, 89, 0]);
  expect(await posted("carol")).toEqual([6, 119, 0]);
  expect(await posted("dora")).toEqual([3, 98, 1]);

  await holder.step("commit");
  expect(await foldAll()).toEqual([1]);
  expect(await posted("alice")).toEqual([3, 98, 0]);
  await database.pool.query("select daybook.rebuild_balances($1, 'dora')", [ledger]);
  expect(await foldAll()).toEqual([expect.any(Number)]);
  expect(await posted("dora")).toEqual([3, 98, 0]);
});

test("an account with very many queued entries is folded by itself, so that the others are not held as long", async () => {
  const { bob } = await openSessions(database, ["bob"]);
  const ledger = await openLedger(database, { alice: {}, bella: {} });
  await hold(ledger, "alice");
  const entries = linesOf("world", "alice", 1);
  await bob.step(
    batch(
      ledger,
      Array.from({ length: 1001 }, () => ({ entries })),
    ),
  );
  await holder.step("rollback");
  await hold(ledger, "bella");
  await bob.step(transfer(ledger, "world", "bella", 1));
  await holder.step("rollback");
  const { rows } = await database.pool.query(
    "select array_agg(id order by address) as ids from daybook.accounts where ledger = $1 and address <> 'world'",
    [ledger],
  );
  const foldThem = (ids: string[], howeverMany = false) =>
    worker.step({
      text: "select folded, held, long from daybook_private.fold_accounts($1, $2, $3)",
      values: [ledger, ids, howeverMany],
    });
  const both: string[] = rows[0].ids;
  const [alice] = both as [string];
  expect(await foldThem(both)).toEqual({ folded: 1, held: [alice], long: [alice] });
  await hold(ledger, "alice");
  expect(await foldThem([alice], true)).toEqual({ folded: 0, held: [alice], long: [] });
  await holder.step("rollback");
  expect(await foldThem([alice], true)).toEqual({ folded: 1001, held: [], long: [] });
  expect(await foldThem(both)).toEqual({ folded: 0, held: [], long: [] });
  expect(await balanceOf(database, ledger, "alice")).toMatchObject({ version: 1001, posted: 1001 });
});

test("an entry that is queued and has its version already is folded by nobody", async () => {
  const { bob } = await openSessions(database, ["bob"]);
  const ledger = await openLedger(database, { alice: { money: 5 } });
  await bob.step(transfer(ledger, "world", "alice", 1));
  const { rows } = await database.pool.query(
    `insert into daybook_private.entry_queue
     select e.ledger, e.account_id, e.id, 0, 1, 0, 1
       from daybook.entries e join daybook.accounts a on a.id = e.account_id
      where e.ledger = $1 and a.address = 'alice' and e.lock_version = 2
     returning account_id`,
    [ledger],
  );
  const together = {
    text: "select daybook_private.fold_accounts($1, $2)",
    values: [ledger, [rows[0].account_id]],
  };
  expect(await outcome(worker.step(together))).toBe("LDIMM");
  expect(await outcome(worker.step(await fold(database, ledger, "alice")))).toBe("LDIMM");
  await database.pool.query("delete from daybook_private.entry_queue where ledger = $1", [ledger]);
});
