import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { currenciesSql } from "../scripts/currencies.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";
import { MIGRATIONS } from "./support/global-setup.ts";

/* Style as a test: each query lists what breaks a rule, and finds nothing. */

const FIXTURES = join(MIGRATIONS, "fixtures");
const files = globSync("**/*.sql", { cwd: FIXTURES }).map((file) => file.replaceAll("\\", "/"));
const read = (file: string) => readFileSync(join(FIXTURES, file), "utf8");

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database?.drop());

const OURS = "in ('daybook'::regnamespace, 'daybook_private'::regnamespace)";

async function violations(sql: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(sql);
  return rows.map(({ name }) => name);
}

const functions = (condition: string, schema = OURS) =>
  violations(
    `select p.oid::regprocedure::text as name from pg_proc p
      where p.pronamespace ${schema} and p.prokind in ('f', 'p') and (${condition}) order by 1`,
  );

/** Types of variables, functions and operators in a body of PL/pgSQL that do not say which schema they are of. */
function unnamed(body: string): string[] {
  const code = body
    .replace(/--.*|'(?:[^']|'')*'/g, "")
    .replace(/\boperator\(pg_catalog\.[^)]+\)/g, "")
    .replace(/:=|::/g, " of ")
    .replace(/\bdeclare\b/, ";");
  const [declared = "", ...statements] = code.split(/\bbegin\b/);
  const types = [...declared.matchAll(/;\s*\w+ (?:constant )?(\w+)(?!\w*\.)/g)].map(
    (match) => match[1]!,
  );
  const calls = statements
    .join()
    .match(/(?<![\w.])(?!(?:coalesce|exists|and|or|not)\b)\w+\(|[-+*/<>=~!@#%^&|]+/g);
  return [...types, ...(calls ?? [])];
}

/** SQL without its comments and without literals that say by an `e` what a backslash means. */
const plain = (text: string) =>
  text.replace(/--.*$/gm, "").replace(/\be'(?:[^'\\]|\\.|'')*'/gi, "");

/** Comments stand on the parent of a partition; partitions of months made ahead need none. */
const RELATIONS = `
  select c.* from pg_class c
   where c.relnamespace ${OURS} and c.relkind in ('r', 'p', 'v', 'm')
     and not (c.relispartition and c.relname !~ '_default$')`;

describe("functions", () => {
  const isFixed = "exists (select from unnest(p.proconfig) c where c ~ '^search_path=')";

  test("the catalog is seen at all", async () => {
    expect((await functions("true", "= 'daybook'::regnamespace")).length).toBeGreaterThan(20);
    expect((await functions("true")).length).toBeGreaterThan(60);
  });

  test("every one has a comment that is a sentence", async () => {
    expect(
      await functions(
        "coalesce(obj_description(p.oid, 'pg_proc'), '') !~ '[A-Z].+\\.$' or length(obj_description(p.oid, 'pg_proc')) < 20",
      ),
    ).toEqual([]);
  });

  test("every public one and every definer has a fixed search_path", async () => {
    expect(await functions(`not ${isFixed}`, "= 'daybook'::regnamespace")).toEqual([]);
    expect(await functions(`p.prosecdef and not ${isFixed}`)).toEqual([]);
    expect(
      await functions(
        `${isFixed} and not exists (select from unnest(p.proconfig) c where c = 'search_path=pg_catalog, pg_temp')`,
      ),
    ).toEqual([]);
  });

  test("every one that runs under others' search_path has a fixed one, is bound when it is made, or names schemas", async () => {
    const late = `not ${isFixed} and p.prosqlbody is null
      and (p.prorettype = 'trigger'::regtype
           or exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner))`;
    const { rows } = await database.pool.query<{ name: string; language: string; body: string }>(
      `select p.oid::regprocedure::text as name, l.lanname as language, p.prosrc as body
         from pg_proc p join pg_language l on l.oid = p.prolang
        where p.pronamespace ${OURS} and ${late}`,
    );
    expect(rows.map(({ name }) => name)).toEqual(["daybook_private.guard_entries()"]);
    expect(rows.filter(({ language }) => language !== "plpgsql")).toEqual([]);
    expect(rows.flatMap(({ body }) => unnamed(body))).toEqual([]);
    expect(
      unnamed("declare a text; begin a := max(b.x) from b where not (b.y = 'p = q(r)'); end"),
    ).toEqual(["text", "max(", "="]);
  });

  test("none may be executed by PUBLIC", async () => {
    expect(
      await functions(
        "exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)",
      ),
    ).toEqual([]);
  });

  test("no name is overloaded", async () => {
    expect(
      await violations(
        `select pronamespace::regnamespace || '.' || proname as name from pg_proc
          where pronamespace ${OURS} group by pronamespace, proname having count(*) > 1`,
      ),
    ).toEqual([]);
  });

  test("none is longer than 70 lines", async () => {
    expect(
      await functions(
        "cardinality(string_to_array(trim(e'\\n' from coalesce(p.prosrc, '')), e'\\n')) > 70",
      ),
    ).toEqual([]);
  });

  test("every one says its volatility", () => {
    const silent = files.filter(
      (file) =>
        /create (or replace )?function/.test(read(file)) &&
        !/\n\s*returns trigger\b/.test(read(file)) &&
        !/\n\s*(immutable|stable|volatile)\b/.test(read(file)),
    );
    expect(silent).toEqual([]);
  });

  test("a reader's function is not volatile: it must be one snapshot", async () => {
    expect(
      await functions(
        "p.provolatile = 'v' and p.proname ~ '^(account_balance|category_(balance|entries|transactions|totals)|search_)'",
      ),
    ).toEqual([]);
  });

  test("every file revokes from PUBLIC by itself, and is named after its function", () => {
    const wrong = files.filter((file) => {
      const name = /create or replace function (daybook(?:_private)?)\.(\w+)/.exec(read(file));
      if (!name) return /functions\//.test(file);
      return (
        file !== `${name[1]}/functions/${name[2]}.sql` ||
        !read(file).includes(`revoke execute on function ${name[1]}.${name[2]}(`)
      );
    });
    expect(wrong).toEqual([]);
  });

  // Where columns win over variables, `q.id = id` is true of every row that has an id.
  test("no column is compared with itself for want of a variable's qualifier", () => {
    const column = /\b\w{1,3}\.(\w+) *(?:=|<>|[<>]=?|is (?:not )?distinct from) *\1\b(?![.(])/;
    const reversed = /\b(?:where|and|or|on) (\w+) *(?:=|<>|[<>]=?) *\w{1,3}\.\1\b/;
    const wrong = files
      .filter((file) => read(file).includes("#variable_conflict use_column"))
      .flatMap((file) => read(file).split("\n"))
      .filter((text) => column.test(text) || reversed.test(text));
    expect(wrong).toEqual([]);
  });

  test("names and arguments are in snake_case", async () => {
    expect(
      await functions("p.proname !~ '^[a-z][a-z0-9_]*$' or p.proargnames::text ~ '[A-Z]'"),
    ).toEqual([]);
  });

  test("a public one's comment says what it raises", async () => {
    const { rows } = await database.pool.query<{ name: string; comment: string }>(
      `select p.proname as name, obj_description(p.oid, 'pg_proc') as comment from pg_proc p
        where p.pronamespace = 'daybook'::regnamespace and p.provolatile <> 'i'`,
    );
    const silent = rows.filter(({ comment }) => !/Raises 42501/.test(comment));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

describe("relations and types", () => {
  test("every relation has a comment", async () => {
    expect(
      await violations(
        `select c.oid::regclass::text as name from (${RELATIONS}) c where obj_description(c.oid, 'pg_class') is null`,
      ),
    ).toEqual([]);
  });

  test("every column of the public schema has a comment", async () => {
    expect(
      await violations(
        `select a.attrelid::regclass || '.' || a.attname as name
           from pg_attribute a join (${RELATIONS}) c on c.oid = a.attrelid
          where c.relnamespace = 'daybook'::regnamespace and not c.relispartition
            and a.attnum > 0 and not a.attisdropped and col_description(a.attrelid, a.attnum) is null`,
      ),
    ).toEqual([]);
  });

  test("every type has a comment, and every attribute of the public ones", async () => {
    expect(
      await violations(
        `select t.oid::regtype::text as name
           from pg_type t left join pg_class c on c.oid = t.typrelid
          where t.typnamespace ${OURS} and (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c')
            and coalesce(obj_description(t.oid, 'pg_type'), obj_description(c.oid, 'pg_class')) is null
         union all
         select c.oid::regclass || '.' || a.attname
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace = 'daybook'::regnamespace and c.relkind = 'c'
            and col_description(c.oid, a.attnum) is null`,
      ),
    ).toEqual([]);
  });

  test("schemas and enum types are described", async () => {
    expect(
      await violations(
        `select nspname as name from pg_namespace n
          where nspname in ('daybook', 'daybook_private') and obj_description(n.oid, 'pg_namespace') is null`,
      ),
    ).toEqual([]);
  });

  test("there is no float, no money, no timestamp without zone, no char(n) or varchar(n)", async () => {
    expect(
      await violations(
        `select a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) as name
           from pg_attribute a join pg_class c on c.oid = a.attrelid
          where c.relnamespace ${OURS} and a.attnum > 0 and not a.attisdropped
            and format_type(a.atttypid, null) in
                ('real', 'double precision', 'money', 'timestamp without time zone', 'time without time zone',
                 'time with time zone', 'character', 'character varying', 'json')
         union all
         select p.oid::regprocedure::text from pg_proc p, unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) t
          where p.pronamespace ${OURS}
            and t in ('real'::regtype, 'double precision'::regtype, 'money'::regtype, 'timestamp'::regtype)`,
      ),
    ).toEqual([]);
  });

  test("numerics have no scale: amounts are whole, and any number fits", async () => {
    expect(
      await violations(
        `select a.attrelid::regclass || '.' || a.attname as name
           from pg_attribute a join pg_class c on c.oid = a.attrelid
          where c.relnamespace ${OURS} and a.atttypid = 'numeric'::regtype and a.atttypmod <> -1`,
      ),
    ).toEqual([]);
  });

  test("names that are compared have the collation C", async () => {
    expect(
      await violations(
        `select a.attrelid::regclass || '.' || a.attname as name
           from pg_attribute a join pg_index i on i.indrelid = a.attrelid and a.attnum = any (i.indkey::int2[])
           join pg_class c on c.oid = a.attrelid
          where c.relnamespace ${OURS} and a.atttypid = 'text'::regtype and a.attcollation <> '"C"'::regcollation`,
      ),
    ).toEqual([]);
  });

  test("row level security is on in every table and every partition", async () => {
    expect(
      await violations(
        `select c.oid::regclass::text as name from pg_class c
          where c.relnamespace ${OURS} and c.relkind in ('r', 'p') and not c.relrowsecurity`,
      ),
    ).toEqual([]);
  });

  test("views ask as whoever reads them", async () => {
    expect(
      await violations(
        `select c.oid::regclass::text as name from pg_class c
          where c.relnamespace ${OURS} and c.relkind = 'v'
            and coalesce(not c.reloptions @> '{security_invoker=true}', true)`,
      ),
    ).toEqual([]);
  });

  test("every table but currencies has ledger first in its key", async () => {
    expect(
      await violations(
        `select c.oid::regclass::text as name from pg_class c
           left join pg_index i on i.indrelid = c.oid and i.indisprimary
           left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
          where c.relnamespace ${OURS} and c.relkind in ('r', 'p')
            and coalesce(a.attname, '') <> case c.relname when 'ledgers' then 'name' when 'currencies' then 'code' else 'ledger' end`,
      ),
    ).toEqual([]);
  });

  test("there are no identities, no unlogged tables, and no sequence but the write-ahead queue's", async () => {
    expect(
      await violations(
        `select c.oid::regclass::text as name from pg_class c
          where c.relnamespace ${OURS} and (c.relkind = 'S' or c.relpersistence <> 'p')`,
      ),
    ).toEqual(["daybook_private.queue_positions"]);
  });
});

const columns = (relation: string) =>
  `(select jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(x.adbin, x.adrelid)) order by a.attname)
      from pg_attribute a left join pg_attrdef x on (x.adrelid, x.adnum) = (a.attrelid, a.attnum)
     where a.attrelid = ${relation} and a.attnum > 0 and not a.attisdropped)`;

describe("constraints, indexes and triggers", () => {
  test("every constraint was given its name", async () => {
    expect(
      await violations(
        `select conrelid::regclass || '.' || conname as name from pg_constraint
          where connamespace ${OURS} and conparentid = 0 and contype <> 'n'
            and conname ~ '(_check|_fkey|_key|_excl)[0-9]*$'`,
      ),
    ).toEqual([]);
  });

  test("every constraint is valid and enforced", async () => {
    expect(
      await violations(
        `select conrelid::regclass || '.' || conname as name from pg_constraint
          where connamespace ${OURS} and not (convalidated and conenforced)`,
      ),
    ).toEqual([]);
  });

  test("every foreign key has an index that begins with its columns", async () => {
    expect(
      await violations(
        `select k.conrelid::regclass || '.' || k.conname as name from pg_constraint k
          where k.connamespace ${OURS} and k.contype = 'f'
            and not exists (
                  select from pg_index i
                   where i.indrelid = k.conrelid and i.indisvalid
                     and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`,
      ),
    ).toEqual([]);
  });

  test("no index is invalid or unneeded beside a longer one", async () => {
    expect(
      await violations(
        `select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
          where c.relnamespace ${OURS} and (not i.indisvalid
             or not i.indisunique and i.indpred is null and exists (
                  select from pg_index j join pg_class m on m.oid = j.indexrelid
                   where j.indrelid = i.indrelid and j.indexrelid <> i.indexrelid and j.indpred is null
                     and m.relam = (select relam from pg_class where oid = i.indexrelid)
                     and (j.indkey::text || ' ') like (i.indkey::text || ' %')))`,
      ),
    ).toEqual([]);
  });

  test("triggers are numbered, so that their order is what it says, and none is disabled", async () => {
    expect(
      await violations(
        `select tgrelid::regclass || '.' || tgname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
          where c.relnamespace ${OURS} and not t.tgisinternal
            and (tgname !~ '^_[0-9]{3}_[a-z_]+$' or tgenabled <> 'O')`,
      ),
    ).toEqual([]);
  });

  test("each month's partition has the triggers of the default one", async () => {
    expect(
      await violations(
        `select c.oid::regclass || ' lacks ' || t.tgname as name
           from pg_inherits h
           join pg_class c on c.oid = h.inhrelid
           join pg_inherits d on d.inhparent = h.inhparent
           join pg_class e on e.oid = d.inhrelid and e.relname ~ '_default$'
           join pg_trigger t on t.tgrelid = e.oid
          where c.relnamespace ${OURS} and c.relkind = 'r'
            and not exists (select from pg_trigger o
                             where o.tgrelid = c.oid and o.tgfoid = t.tgfoid and o.tgtype = t.tgtype)`,
      ),
    ).toEqual([]);
  });

  test("each month's partition has the columns, defaults and storage of the default one", async () => {
    expect(
      await violations(
        `select h.inhrelid::regclass::text as name from pg_inherits h join pg_class c on c.oid = h.inhrelid
          where c.relnamespace ${OURS} and c.relkind = 'r'
            and ${columns("h.inhrelid")} is distinct from ${columns("h.inhparent")}`,
      ),
    ).toEqual([]);
  });
});

describe("files", () => {
  test("none is longer than 150 lines", () => {
    const long = files
      .filter((file) => file !== "daybook/tables/currencies_iso_4217.sql") // written by a program
      .filter((file) => read(file).trimEnd().split("\n").length > 150);
    expect(long).toEqual([]);
  });

  test("none has tabs, trailing blanks, Windows line ends or a missing last line end", () => {
    expect(
      files.filter((file) => /\t|[ ]+$|\r/m.test(read(file)) || !/[^\n]\n$/.test(read(file))),
    ).toEqual([]);
  });

  test("no plain literal has a backslash: what that means is up to standard_conforming_strings", () => {
    expect(files.filter((file) => plain(read(file)).includes("\\"))).toEqual([]);
    expect(plain(String.raw`'a' || e'\n''\'' || '\n' -- \ `)).toBe(String.raw`'a' ||  || '\n' `);
  });

  test("advisory locks, which anybody may take, are used for nothing but periods", () => {
    const users = files.filter((file) => /pg_(try_)?advisory/.test(read(file)));
    expect(users.toSorted()).toEqual([
      "daybook/functions/close_period.sql",
      "daybook_private/functions/hold_periods.sql",
      "daybook_private/functions/is_period_open.sql",
    ]);
  });

  test("every test of what happens at once asks whether the books are right", () => {
    const tests = globSync("concurrency/*.test.ts", { cwd: import.meta.dirname });
    expect(tests.length).toBeGreaterThan(20);
    expect(
      tests.filter((file) => {
        const text = readFileSync(join(import.meta.dirname, file), "utf8");
        return !text.includes("await violations(database)");
      }),
    ).toEqual([]);
  });

  test("the currencies are what scripts/currencies.ts writes", () => {
    expect(read("daybook/tables/currencies_iso_4217.sql")).toBe(currenciesSql());
  });
});
