-- Histories of five years, in the partitions of their months, as if they had been recorded all along.
select daybook_private.ensure_partition('daybook.entries', date_trunc('month', now(), 'UTC') - make_interval(months => n))
  from generate_series(0, 61) n;
select daybook.create_ledger('main');
select daybook.open_account('main', address, 'USD') from unnest('{big,small,other}'::text[]) address;
reset role;
set session_replication_role = replica;
insert into daybook.entries
  (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount, currency, effect, locked,
   effective_at, created_at, lock_version, pending_debits, pending_credits, posted_debits, posted_credits)
select 'main', uuidv7(e.created_at - clock_timestamp()), uuidv7(), 1, 1, a.id, 'credit', 100, 'USD', 'posted', false,
       e.created_at - case when e.n % 10 = 0 then random() * interval '60 days' else interval '0' end,
       e.created_at, e.n, 0, e.n * 100, 0, e.n * 100
  from (values ('big', :entries), ('small', 1000)) h (address, entries)
  join daybook.accounts a on a.address = h.address
 cross join lateral (
    select n, now() - interval '5 years' + n * (interval '5 years' / h.entries) as created_at
      from generate_series(1, h.entries) n) e;
update daybook_private.account_counters c
   set lock_version = e.n, pending_credits = e.n * 100, posted_credits = e.n * 100
  from (select account_id, count(*) as n from daybook.entries group by account_id) e
 where e.account_id = c.account_id;
