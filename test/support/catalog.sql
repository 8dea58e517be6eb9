-- Everything that defines the ledger's schemas, as (kind, name, definition) rows:
-- two databases hold the same ledger exactly when this returns the same rows.
-- Roles' memberships and rights on the database are not of the schemas: see test/cli/migrate.test.ts.
with ours as (
  select oid, nspname, nspacl, nspowner from pg_namespace where nspname ~ '^daybook(_|$)'
)
select 'schema' as kind, nspname::text as name,
       concat_ws(' ', nspowner::regrole, nspacl) as definition
  from ours
union all
select 'function', p.oid::regprocedure::text,
       concat_ws(' ', pg_get_functiondef(p.oid), p.proowner::regrole, p.proacl)
  from pg_proc p join ours on ours.oid = p.pronamespace
 where p.prokind in ('f', 'p')
union all
select 'aggregate', p.oid::regprocedure::text,
       concat_ws(' ', p.proowner::regrole, p.proacl, a.aggtransfn, a.aggfinalfn, a.aggtranstype::regtype, a.agginitval)
  from pg_proc p join ours on ours.oid = p.pronamespace join pg_aggregate a on a.aggfnoid = p.oid
union all
select 'relation', c.oid::regclass::text,
       concat_ws(' ', c.relkind, c.relpersistence, c.relowner::regrole, c.relacl, c.reloptions,
                 c.relrowsecurity, c.relforcerowsecurity, c.relreplident, pg_get_partkeydef(c.oid),
                 pg_get_expr(c.relpartbound, c.oid), case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
  from pg_class c join ours on ours.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'S', 'c')
union all
select 'column', c.oid::regclass || '.' || a.attname,
       concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                 pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attacl,
                 a.attstattarget, a.attoptions, a.attcollation::regcollation)
  from pg_class c join ours on ours.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on (d.adrelid, d.adnum) = (c.oid, a.attnum)
 where c.relkind in ('r', 'p', 'v', 'm', 'c')
union all
select 'sequence', s.seqrelid::regclass::text, (to_jsonb(s) - 'seqrelid')::text
  from pg_sequence s join pg_class c on c.oid = s.seqrelid join ours on ours.oid = c.relnamespace
union all
select 'type', t.oid::regtype::text,
       concat_ws(' ', t.typtype, t.typowner::regrole, nullif(t.typbasetype, 0)::regtype, t.typnotnull,
                 t.typdefault, t.typacl,
                 (select string_agg(e.enumlabel, ',' order by e.enumsortorder)
                    from pg_enum e where e.enumtypid = t.oid))
  from pg_type t join ours on ours.oid = t.typnamespace
 where t.typtype in ('c', 'd', 'e', 'r')
union all
select 'constraint',
       concat_ws('.', nullif(k.conrelid, 0)::regclass, nullif(k.contypid, 0)::regtype, k.conname),
       concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated, k.conenforced)
  from pg_constraint k join ours on ours.oid = k.connamespace
union all
select 'index', i.indexrelid::regclass::text,
       concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisreplident)
  from pg_index i join pg_class c on c.oid = i.indexrelid join ours on ours.oid = c.relnamespace
union all
select 'statistics', s.stxname::text, pg_get_statisticsobjdef(s.oid)
  from pg_statistic_ext s join ours on ours.oid = s.stxnamespace
union all
select 'trigger', t.tgrelid::regclass || '.' || t.tgname, concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join ours on ours.oid = c.relnamespace
 where not t.tgisinternal
union all
select 'rule', r.ev_class::regclass || '.' || r.rulename, pg_get_ruledef(r.oid)
  from pg_rewrite r join pg_class c on c.oid = r.ev_class join ours on ours.oid = c.relnamespace
 where r.rulename <> '_RETURN'
union all
select 'policy', p.schemaname || '.' || p.tablename || '.' || p.policyname, to_jsonb(p)::text
  from pg_policies p join ours on ours.nspname = p.schemaname
union all
select 'default grant', concat_ws('.', d.defaclrole::regrole, ours.nspname, d.defaclobjtype), d.defaclacl::text
  from pg_default_acl d left join ours on ours.oid = d.defaclnamespace
 where d.defaclnamespace = 0 or ours.oid is not null
union all
select 'extension', extname::text, extversion from pg_extension
union all
select 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
  from pg_description d,
       pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  join ours on ours.nspname = coalesce(o.schema, case o.type when 'schema' then o.name end)
               or o.identity ~ (' on ' || ours.nspname || '\.')
order by 1, 2;
