import { expect, test } from "@jest/globals";
import { useBooks } from "../support/use-books.ts";

const books = useBooks();

const PERIODS = ["ever", "year", "month", "day", "hour"];
/** What PostgreSQL calls the beginning of a period. */
const PLAIN = `
  case when period = 'ever' or at < '4712-01-01 00:00:00+00 BC' then '-infinity'
       else date_trunc(period, at at time zone 'UTC') at time zone 'UTC' end`;
/** At, just before and just behind borders of all kinds, and the first and last times that there are. */
const EDGES = `
  select border + n * interval '1 microsecond' as at
    from unnest('{"4712-01-01 00:00+00 BC","0001-01-01 00:00+00 BC","0001-01-01 00:00+00","1970-01-01 00:00+00",
                  "1999-12-31 23:00+00","2000-01-01 00:00+00","2024-02-29 00:00+00","2024-03-10 07:00+00",
                  "294276-12-31 23:00+00"}'::timestamptz[]) border, generate_series(-1, 1) n
  union all
  select unnest('{infinity,-infinity,"4714-11-24 00:00:00+00 BC","294276-12-31 23:59:59.999999+00"}'::timestamptz[])`;
const ANY = `
  select '4712-01-01 00:00:00+00 BC'::timestamptz + make_interval(days => random(0, 109202000), secs => random(0.0, 86400.0)) as at
    from generate_series(1, $2)
  union all
  select '2000-01-01 00:00:00+00'::timestamptz + make_interval(secs => random(-1e9, 1e9)) from generate_series(1, $2)`;

test.each(["UTC", "America/New_York", "Asia/Kolkata"])(
  "is where the period of UTC begins, in a session of %s",
  async (zone) => {
    await books.query(`set local timezone to '${zone}'`);
    await books.query("select setseed(0.5)");
    const [row] = await books.look(
      `select count(*)::integer as times,
              jsonb_agg(jsonb_build_array(period, at, start, plain)) filter (where start is distinct from plain) as wrong
         from (select period, at, daybook_private.period_start(period, at) as start, ${PLAIN} as plain
                 from unnest($1::text[]) period, (${EDGES} union all ${ANY}) times)`,
      [PERIODS, 1000],
    );
    expect(row).toEqual({ times: PERIODS.length * (2 * 1000 + 9 * 3 + 4), wrong: null });
  },
);

test("is computed in place, not called for each entry", async () => {
  const plan = await books.look(
    `explain (verbose, costs off)
     select daybook_private.period_start(u.unit, e.effective_at)
       from daybook.entries e, (select unnest(array['day', 'ever']) as unit offset 0) u`,
  );
  const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
  expect(text).toContain("date_bin");
  expect(text).not.toContain("period_start");
});
