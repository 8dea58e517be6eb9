-- 10 000 users with money, one settlement account, and the login of a service.
select count(*) from daybook.create_ledger('main');
select count(*) from daybook.open_account('main', 'bank:settlement', 'USD', 'debit');
select count(*) from daybook.open_accounts('main', array(
  select row('users:' || i, 'USD', 'credit', null, null, null, null)::daybook.account_input
    from generate_series(1, 10000) i));
select count(*)
  from generate_series(1, 10000, 100) i
 cross join lateral daybook.create_transaction('main', array(
         select daybook.debit('bank:settlement', 1000000000)
           from generate_series(i, i + 99)
         union all
         select daybook.credit('users:' || j, 1000000000)
           from generate_series(i, i + 99) j));
do $$
begin
  if not exists (select from pg_roles where rolname = 'bench_service') then
    create role bench_service login in role daybook_writer;  -- serviceLogin() gives it a password that nobody knows
  end if;
end
$$;
select daybook.grant_ledger_access('bench_service', 'main', 'write');
-- For batch-raw.sql, which looks nothing up.
create table bench_accounts as
  select substr(address, 7)::integer as n, id from daybook.accounts where address like 'users:%';
alter table bench_accounts add primary key (n);
