-- The cluster's roles, who is in whom, and what they may do with this database.
--
-- `daybook migrate` runs this before every migration, so it is idempotent and changes nothing that is
-- already right. It needs no superuser: CREATEROLE to create the roles, and of the database either its
-- ownership or CREATE and CONNECT with grant option. A role without these can still migrate where all of this
-- is in place.
--
-- What each role is allowed to do inside the schemas stands in fixtures/grants.sql.

begin;

-- Roles and the database's grants are shared rows: two runs that change one row fail with
-- "tuple concurrently updated". Runs in one database take turns here. Advisory locks do not reach across
-- databases; there, `daybook migrate` tries again.
select pg_catalog.pg_advisory_xact_lock(7264100);

do $roles$
declare
  wanted record;
  missing text[] := '{}';
begin
  for wanted in
    select *
      from (values
        ('daybook_owner',         'nologin'),            -- owns every object of the ledger
        ('daybook_reader',        'nologin'),            -- reads the ledgers it is granted
        ('daybook_auditor',       'nologin'),            -- reads, and verifies books and log
        ('daybook_writer',        'nologin'),            -- moves money
        ('daybook_admin',         'nologin'),            -- opens ledgers, closes periods
        ('daybook_worker',        'login'),              -- background work; owns schema graphile_worker
        ('daybook_authenticator', 'login noinherit')     -- the server's login: nothing until it takes a role
      ) as role (name, attributes)
     where not exists (select from pg_catalog.pg_roles where rolname = role.name)
     order by name
  loop
    begin
      execute pg_catalog.format('create role %I with %s', wanted.name, wanted.attributes);
    exception
      when duplicate_object or unique_violation then
        null;  -- another session was faster
      when insufficient_privilege then
        missing := missing || wanted.name;
    end;
  end loop;

  if missing <> '{}' then
    raise exception using
      errcode = 'insufficient_privilege',
      message = pg_catalog.format('role %s may not create the missing roles %s',
                                  current_user, pg_catalog.array_to_string(missing, ', ')),
      hint = pg_catalog.format('Run this as a role with CREATEROLE, or let an administrator run migrations/roles.sql once and then: grant daybook_owner, daybook_worker to %I;',
                               current_user);
  end if;
end
$roles$;

-- Memberships. The authenticator inherits nothing: it must name the role it acts as.
-- Whoever migrates acts as owner and as worker, so that each owns what it should.
do $memberships$
declare
  wanted record;
begin
  for wanted in
    select *
      from (values
        ('daybook_reader',  'daybook_writer',        'true'),
        ('daybook_writer',  'daybook_admin',         'true'),
        ('daybook_reader',  'daybook_auditor',       'true'),
        ('daybook_reader',  'daybook_authenticator', 'false'),
        ('daybook_writer',  'daybook_authenticator', 'false'),
        ('daybook_admin',   'daybook_authenticator', 'false'),
        ('daybook_auditor', 'daybook_authenticator', 'false'),
        ('daybook_owner',   current_user,            'false'),
        ('daybook_worker',  current_user,            'false')
      ) as membership (role, member, inherit)
     -- A superuser may take any role without being in it; nobody can be in himself.
     where not (member = current_user
                and (role = member or (select rolsuper from pg_catalog.pg_roles where rolname = current_user)))
       and not exists (
             select
               from pg_catalog.pg_auth_members
              where roleid = pg_catalog.quote_ident(membership.role)::regrole
                and pg_auth_members.member = pg_catalog.quote_ident(membership.member)::regrole
                and set_option
                and (inherit_option or membership.inherit = 'false'))
  loop
    begin
      execute pg_catalog.format('grant %I to %I with inherit %s, set true', wanted.role, wanted.member, wanted.inherit);
    exception when insufficient_privilege then
      raise exception using
        errcode = 'insufficient_privilege',
        message = pg_catalog.format('role %s may not grant %s to %s', current_user, wanted.role, wanted.member),
        hint = pg_catalog.format('Let an administrator run: grant %I to %I with set true;', wanted.role, wanted.member);
    end;
  end loop;
end
$memberships$;

-- The database. CONNECT is granted by name, so that revoking it from PUBLIC locks nobody out.
do $database$
declare
  wanted record;
begin
  for wanted in
    select *
      from (values
        ('daybook_owner',         'CREATE'),
        ('daybook_worker',        'CREATE'),
        ('daybook_worker',        'CONNECT'),
        ('daybook_authenticator', 'CONNECT'),
        ('daybook_reader',        'CONNECT'),
        ('daybook_auditor',       'CONNECT'),
        ('daybook_writer',        'CONNECT'),
        ('daybook_admin',         'CONNECT')
      ) as permission (role, privilege)
     where not exists (
             select
               from pg_catalog.pg_database, pg_catalog.aclexplode(datacl) as acl
              where datname = pg_catalog.current_database()
                and acl.grantee = permission.role::regrole
                and acl.privilege_type = permission.privilege)
  loop
    if pg_catalog.has_database_privilege(current_user, pg_catalog.current_database(), wanted.privilege || ' WITH GRANT OPTION') then
      execute pg_catalog.format('grant %s on database %I to %I', wanted.privilege, pg_catalog.current_database(), wanted.role);
    elsif not pg_catalog.has_database_privilege(wanted.role, pg_catalog.current_database(), wanted.privilege) then
      raise exception using
        errcode = 'insufficient_privilege',
        message = pg_catalog.format('role %s may not grant %s on database %s to %s',
                                    current_user, wanted.privilege, pg_catalog.current_database(), wanted.role),
        hint = pg_catalog.format('Migrate as the owner of the database, or run: grant create, connect on database %I to %I with grant option;',
                                 pg_catalog.current_database(), current_user);
    end if;
  end loop;
end
$database$;

-- Limits on the logins. A forgotten transaction keeps rows locked and old row versions alive.
-- They are defaults of a session, set only where nothing is set: an operator's own choice stays.
do $settings$
declare
  wanted record;
begin
  for wanted in
    select *
      from (values
        ('daybook_authenticator', 'statement_timeout',                   '30s'),
        ('daybook_authenticator', 'lock_timeout',                        '10s'),
        ('daybook_authenticator', 'idle_in_transaction_session_timeout', '60s'),
        ('daybook_worker',        'idle_in_transaction_session_timeout', '60s')
      ) as setting (role, name, value)
     where not exists (
             select
               from pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) as entry
              where setrole = setting.role::regrole
                and setdatabase = 0
                and pg_catalog.split_part(entry, '=', 1) = setting.name)
  loop
    begin
      execute pg_catalog.format('alter role %I set %I = %L', wanted.role, wanted.name, wanted.value);
    exception when insufficient_privilege then
      -- Whoever created the roles decides; their absence costs no correctness.
      raise notice 'role % may not set % of %', current_user, wanted.name, wanted.role;
    end;
  end loop;
end
$settings$;

commit;
