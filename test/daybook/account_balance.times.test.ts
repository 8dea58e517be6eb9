import { beforeEach, describe, expect, test } from "@jest/globals";
import * as support from "../support/moments.ts";
import { move, useBooks, type Row } from "../support/use-books.ts";

const books = useBooks();

const at = (args: object) => books.call("account_balance", { account: "alice", ...args });
const posted = async (args: object) => (await at(args))["posted_amount"];
const refused = (args: object) => books.refusal("account_balance", { account: "alice", ...args });
const rollUp = async (max = 20_000, maxOfPeriod = 500, maxOfBoth = max) => {
  const { text, values } = support.rollUp("main", "alice", max, maxOfPeriod, maxOfBoth);
  const [row] = await books.look(text, values);
  return row!["count"] as number;
};
/** As if alice's entries had been recorded at other times: the first at the first time, and so on. */
const record = (...times: string[]) =>
  books.look(`
    set local session_replication_role = replica;
    update daybook.entries e set created_at = ('{${times.join()}}'::timestamptz[])[e.lock_version]
      from daybook.accounts a where a.address = 'alice' and e.account_id = a.id;
    set local session_replication_role = origin`);

/** What was known at one time of another. */
const known = (effective_at: string, recorded_at: string) => posted({ effective_at, recorded_at });
const caches = () =>
  books.query(
    "select applied_version, rolled_up_version, both_times_version from daybook.rollups where account = 'alice'",
  );

/** Does the same before anything is rolled up, with some of it rolled up, less of it by both times, and with all. */
const atEveryStage = (name: string, check: () => Promise<void>) =>
  test.each([
    [0, 0],
    [2, 0],
    [2, 2],
    [4, 3],
    [20_000, 20_000],
  ])(`${name} (%i entries rolled up, by both times %i)`, async (max, maxOfBoth) => {
    await books.create(move("carol", "alice", 1), { effective_at: "2023-12-31T23:59:59.999999Z" });
    await books.create(move("carol", "alice", 10), { effective_at: "2024-02-29T12:34:56Z" });
    await books.create(move("carol", "alice", 100), { effective_at: "2024-01-01T00:00:00Z" });
    await books.create(move("alice", "carol", 1000), { effective_at: "2999-01-01T00:00:00Z" });
    await record(
      "2024-03-01T00:00Z",
      "2024-03-02T10:00Z",
      "2024-03-02T10:30Z",
      "2024-02-01T00:00Z",
    );
    if (max > 0) expect(await rollUp(max, 500, maxOfBoth)).toBe(Math.min(max, 4));
    await check();
  });

describe("effective_at", () => {
  atEveryStage(
    "counts what is effective at or before it, whatever the order of recording",
    async () => {
      expect(await posted({ effective_at: "2023-12-31T23:59:59.999998Z" })).toBe("0");
      expect(await posted({ effective_at: "2023-12-31T23:59:59.999999Z" })).toBe("1");
      expect(await posted({ effective_at: "2024-01-01T00:00:00Z" })).toBe("101");
      expect(await posted({ effective_at: "2024-02-29T12:34:55.999999Z" })).toBe("101");
      expect(await posted({ effective_at: "2024-02-29T12:34:56Z" })).toBe("111");
      expect(await posted({ effective_at: "2024-02-29T07:34:56-05:00" })).toBe("111");
      expect(await posted({ effective_at: "2998-12-31T23:59:59Z" })).toBe("111");
      expect(await posted({ effective_at: "2999-01-01T00:00:00Z" })).toBe("-889");
      expect(await posted({})).toBe("-889");
    },
  );

  atEveryStage("gives the whole row; lock_version is how many entries were counted", async () => {
    expect(await at({ effective_at: "2024-06-01" })).toEqual({
      ...(await at({})),
      lock_version: "3",
      pending_debits: "0",
      pending_credits: "111",
      pending_amount: "111",
      posted_debits: "0",
      posted_credits: "111",
      posted_amount: "111",
      available_amount: "111",
    });
  });

  test("an archived hold leaves no trace in effective time, and recorded_at shows it", async () => {
    const hold = await books.create(move("alice", "carol", 30), {
      status: "pending",
      effective_at: "2024-01-01T00:00:00Z",
    });
    await books.archive(hold);
    await record("2024-03-01", "2024-03-05");
    for (const count of [2, 0]) {
      const pending = async (args: object) => (await at(args))["pending_amount"];
      expect(await pending({ effective_at: "2024-01-01T00:00:00Z" })).toBe("0");
      expect(await pending({ recorded_at: "2024-03-02" })).toBe("-30");
      expect(await pending({ recorded_at: "2024-03-05" })).toBe("0");
      expect(await pending({ effective_at: "2024-02-01", recorded_at: "2024-03-02" })).toBe("-30");
      expect(await pending({ effective_at: "2023-02-01", recorded_at: "2024-03-02" })).toBe("0");
      expect(await rollUp()).toBe(count);
    }
  });

  test("the ends of the calendar can be asked for, and be rolled up", async () => {
    const first = "4714-11-24 00:00:00+00 BC";
    const last = "294276-12-31 23:59:59.999999+00";
    await books.create(move("carol", "alice", 1), { effective_at: first });
    await books.create(move("carol", "alice", 2), { effective_at: "4712-01-01 00:00:00+00 BC" });
    await books.create(move("carol", "alice", 4), { effective_at: last });
    for (const count of [3, 0]) {
      expect(await posted({ effective_at: first })).toBe("1");
      expect(await posted({ effective_at: "4713-01-01 BC" })).toBe("1");
      expect(await posted({ effective_at: "4711-01-01 BC" })).toBe("3");
      expect(await posted({ effective_at: last })).toBe("7");
      expect(await posted({ effective_at: last, recorded_at: last })).toBe("7");
      expect(await posted({ effective_at: first, recorded_at: first })).toBe("0");
      expect(await rollUp()).toBe(count);
    }
  });
});

describe("recorded_at", () => {
  atEveryStage("counts what was recorded at or before it", async () => {
    expect(await posted({ recorded_at: "2024-01-31T23:59:59Z" })).toBe("0");
    expect(await posted({ recorded_at: "2024-02-01T00:00:00Z" })).toBe("-1000");
    expect(await posted({ recorded_at: "2024-03-01T00:00:00Z" })).toBe("-999");
    expect(await posted({ recorded_at: "2024-03-02T10:15:00Z" })).toBe("-989");
    expect(await posted({ recorded_at: "2024-03-02T10:30:00Z" })).toBe("-889");
  });

  atEveryStage("and effective_at: what was known then of that time", async () => {
    expect(await known("3000-01-01T00:00Z", "2024-02-10T00:00Z")).toBe("-1000");
    expect(await known("2024-02-28T00:00:00Z", "2024-03-02T10:29:59Z")).toBe("1");
    expect(await known("2024-02-28T00:00:00Z", "2024-03-02T10:30:00Z")).toBe("101");
    expect(await known("2024-02-29T12:34:56Z", "2024-03-02T10:29:59Z")).toBe("11");
    expect(await known("2024-02-29T12:34:55Z", "2024-03-02T10:29:59Z")).toBe("1");
    expect(await known("2999-01-01T00:00:00Z", "2024-02-01T00:00:00Z")).toBe("-1000");
    expect(await known("2023-12-31T23:59:59Z", "2024-06-01T00:00:00Z")).toBe("0");
  });
});

describe("lock_version", () => {
  atEveryStage("gives the balance after that many entries", async () => {
    const balances = [];
    for (const lock_version of [0, 1, 2, 3, 4]) balances.push(await at({ lock_version }));
    expect(balances.map((row) => [row["lock_version"], row["posted_amount"]])).toEqual([
      ["0", "0"],
      ["1", "1"],
      ["2", "11"],
      ["3", "111"],
      ["4", "-889"],
    ]);
    expect(balances[4]).toEqual(await at({}));
  });

  test("above the account's is LDARG, and so are negative ones and ones with a time", async () => {
    await books.create(move("carol", "alice", 1));
    for (const args of [
      { lock_version: 2 },
      { lock_version: "9223372036854775807" },
      { lock_version: -1 },
      { lock_version: 1, effective_at: "2024-01-01" },
      { lock_version: 0, recorded_at: "2024-01-01" },
    ])
      expect(await refused(args)).toMatchObject({
        code: "LDARG",
        detail: { argument: "lock_version" },
      });
    expect(
      await books.refusal("account_balance", { account: "bob", lock_version: 1 }),
    ).toMatchObject({
      code: "LDARG",
    });
    expect(await books.call("account_balance", { account: "bob", lock_version: 0 })).toMatchObject({
      posted_amount: "0",
      lock_version: "0",
    });
  });
});

describe("what is queued", () => {
  beforeEach(async () => {
    await books.query("commit");
    await books.query("begin isolation level repeatable read");
    await books.create(move("carol", "alice", 3), { effective_at: "2024-01-01T00:00:00Z" });
    await books.create(move("carol", "alice", 5), { effective_at: "2025-01-01T00:00:00Z" });
  });

  test("counts at every time and has a version", async () => {
    expect(await posted({ effective_at: "2024-06-01" })).toBe("3");
    expect(await posted({ effective_at: "2025-06-01", recorded_at: "2999-01-01" })).toBe("8");
    expect(await posted({ recorded_at: "2024-06-01" })).toBe("0");
    expect(await posted({ lock_version: 1 })).toBe("3");
    expect(await posted({ lock_version: 2 })).toBe("8");
    expect(await refused({ lock_version: 3 })).toMatchObject({ code: "LDARG" });
  });
});

describe("an account whose counters have drifted", () => {
  atEveryStage("is added up from its entries", async () => {
    await books.look(`
      update daybook_private.account_counters set drifted_at = now(), posted_credits = 5 where address = 'alice';
      update daybook_private.entry_sums set posted_credits = posted_credits + 1;
      set local session_replication_role = replica;
      update daybook.entries set posted_credits = 77 where lock_version = 2;
      set local session_replication_role = origin`);
    expect(await posted({ effective_at: "2024-02-29T12:34:56Z" })).toBe("111");
    expect(await posted({ recorded_at: "2024-03-02T10:15:00Z" })).toBe("-989");
    expect(await posted({ lock_version: 2 })).toBe("11");
    expect(await posted({ lock_version: 4 })).toBe("-889");
    expect(await refused({ lock_version: 5 })).toMatchObject({ code: "LDARG" });
    expect(await rollUp()).toBe(0);
  });
});

describe("rolling up", () => {
  atEveryStage("says how far it got", async () => {
    const [before] = (await caches()) as [Row];
    expect(before["applied_version"]).toBe("4");
    await rollUp();
    const done = { rolled_up_version: "4", both_times_version: "4" };
    expect(await caches()).toEqual([{ applied_version: "4", ...done }]);
    await books.create(move("carol", "alice", 1));
    expect(await caches()).toEqual([{ applied_version: "5", ...done }]);
    expect(await books.violations()).toEqual([]);
  });

  test("when a period has many entries, it begins again with shorter ones, down to hours", async () => {
    const days = [
      "2024-01-01T01:00Z",
      "2024-01-01T02:00Z",
      "2024-01-01T02:30Z",
      "2024-02-01T00:00Z",
    ];
    for (const effective_at of days)
      await books.create(move("carol", "alice", 1), { effective_at });
    await record("2024-03-01", "2024-04-01", "2024-05-01", "2024-05-02");
    const sums = async () => {
      const count = await rollUp(20_000, 1);
      const [units] = await books.look(
        "select effective_unit, recorded_unit from daybook_private.rollup_cursors",
      );
      const kinds = await books.look(
        "select effective_in from daybook_private.entry_sums where recorded_in = 'ever'",
      );
      for (const effective_at of days)
        expect(await posted({ effective_at, recorded_at: "2024-06-01" })).toBe(
          String(days.indexOf(effective_at) + 1),
        );
      expect(await posted({ recorded_at: "2024-05-01" })).toBe("3");
      expect(await books.violations()).toEqual([]);
      return [count, ...Object.values(units!), kinds.length];
    };
    expect(await sums()).toEqual([4, "day", "day", 0]); // January and May have more than one
    expect(await sums()).toEqual([4, "hour", "day", 0]); // and so has the first of January, no day of recording
    expect(await sums()).toEqual([4, "hour", "day", 1 + 2 + 2 + 3]); // an hour may have any number
    expect(await sums()).toEqual([0, "hour", "day", 1 + 2 + 2 + 3]);
  });

  test("beginning again, it does so with the sums of both times too", async () => {
    for (const effective_at of ["2024-01-01T01:00Z", "2024-01-02T00:00Z"])
      await books.create(move("carol", "alice", 1), { effective_at });
    await rollUp();
    await books.create(move("carol", "alice", 1), { effective_at: "2024-01-03T00:00Z" });
    await rollUp(20_000, 2, 0);
    const none = { rolled_up_version: "0", both_times_version: "0" };
    expect(await caches()).toEqual([{ applied_version: "3", ...none }]);
    for (const max of [0, 2, 3]) {
      await rollUp(20_000, 500, max);
      expect(await known("2024-01-02T12:00Z", "2999-01-01")).toBe("2");
      expect(await known("2024-02-01T00:00Z", "2999-01-01")).toBe("3");
      expect(await books.violations()).toEqual([]);
    }
  });

  test("what is undone leaves nothing behind, and is done again", async () => {
    for (const amount of [1, 2, 3])
      await books.create(move("carol", "alice", amount), { effective_at: "2024-01-01T00:00:00Z" });
    expect(await rollUp(2, 500, 20_000)).toBe(2); // and no more by both times
    await books.query("savepoint undone");
    expect(await rollUp()).toBe(1);
    await books.query("rollback to undone");
    const done = { rolled_up_version: "2", both_times_version: "2" };
    expect(await caches()).toEqual([{ applied_version: "3", ...done }]);
    expect(await posted({ effective_at: "2024-06-01" })).toBe("6");
    expect(await rollUp()).toBe(1);
    expect(await posted({ effective_at: "2024-06-01" })).toBe("6");
    expect(await books.violations()).toEqual([]);
  });

  test("an entry that is missing stops it, and nothing is changed", async () => {
    for (const amount of [1, 2, 3]) await books.create(move("carol", "alice", amount));
    await rollUp(1);
    await books.look(`
      set local session_replication_role = replica;
      delete from daybook.entries where lock_version = 3 and amount = 3;
      set local session_replication_role = origin`);
    const stopped = books.refused(() => rollUp());
    await expect(stopped).resolves.toMatchObject({ code: "P0001" });
    const done = { rolled_up_version: "1", both_times_version: "1" };
    expect(await caches()).toEqual([{ applied_version: "3", ...done }]);
  });

  test("what was forgotten is made anew, and reads are right meanwhile", async () => {
    for (const amount of [1, 2, 3])
      await books.create(move("carol", "alice", amount), { effective_at: "2024-01-01T00:00:00Z" });
    await rollUp();
    await books.look("update daybook_private.entry_sums set posted_credits = 0");
    expect(await posted({ effective_at: "2025-01-01" })).toBe("0");
    await books.look(
      "select daybook_private.forget_sums('main', id) from daybook.accounts where address = 'alice'",
    );
    expect(await posted({ effective_at: "2025-01-01" })).toBe("6");
    expect(await rollUp()).toBe(3);
    expect(await posted({ effective_at: "2025-01-01" })).toBe("6");
    expect(await books.violations()).toEqual([]);
  });
});

test.each<[string, object]>([
  ["42501", { ledger: "none", effective_at: "infinity" }],
  ["LDARG", { effective_at: "infinity", account: "nobody" }],
  ["LDARG", { effective_at: "-infinity" }],
  ["LDARG", { recorded_at: "infinity" }],
  ["LDARG", { recorded_at: "-infinity" }],
  ["LDACC", { effective_at: "2024-01-01", account: "nobody" }],
  ["LDACC", { lock_version: 0, account: "nobody" }],
])("%s for %j", async (code, args) => {
  expect(await refused(args)).toMatchObject({ code });
});

test("LDLED for whoever may use every ledger", async () => {
  await books.be("test_admin");
  expect(await refused({ ledger: "none", effective_at: "2024-01-01" })).toMatchObject({
    code: "LDLED",
  });
});

test("who may read a category's accounts may ask for them at a time, and for no other", async () => {
  await books.call("create_category", { category: "mine", currency: "USD" });
  await books.call("add_to_category", { category: "mine", account: "alice" });
  await books.create(move("carol", "alice", 3), { effective_at: "2024-01-01T00:00:00Z" });
  await books.be("test_admin");
  await books.call("grant_category_access", { role: "test_reader", category: "mine" });
  await books.be("test_reader");
  expect(await posted({ effective_at: "2024-01-01T00:00:00Z" })).toBe("3");
  expect(await posted({ lock_version: 1 })).toBe("3");
  expect(await refused({ account: "carol", effective_at: "2024-01-01" })).toMatchObject({
    code: "42501",
  });
  expect(await refused({ account: "nobody", lock_version: 0 })).toMatchObject({ code: "42501" });
});

test("of a long history few pages are read, though there are no statistics yet", async () => {
  await books.query(
    `select count(*) from daybook.create_transactions('main', array(
       select row(array[daybook.debit('carol', 1), daybook.credit('alice', 1)], null,
                  timestamptz '2020-01-01' + n * interval '3 hours', null, null, null, null, null, null, null)
                ::daybook.transaction_input
         from generate_series(1, 10000) n))`,
  );
  const pages = async (args: string) => {
    const [row] = await books.look(
      `explain (analyze, buffers, format json) select daybook.account_balance('main', 'alice'${args})`,
    );
    const plan = row!["QUERY PLAN"][0]["Plan"] as Record<string, number>;
    return plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
  };
  const questions = [
    ", '2021-01-31 12:00Z'",
    ", recorded_at => now() - interval '1 day'",
    ", '2021-01-31 12:00Z', now() - interval '1 day'",
    ", lock_version => 5000",
  ];
  const few = 120;
  const before = await pages(questions[0]!);
  while ((await rollUp(3_000)) > 0) continue;
  await books.create(move("carol", "alice", 1));
  for (const question of questions) {
    await pages(question); // plans are made at first
    expect([question, (await pages(question)) < few]).toEqual([question, true]);
  }
  expect(before).toBeGreaterThan(few); // entry by entry; how many depends on what was vacuumed meanwhile
});
