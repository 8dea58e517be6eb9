-- One account with a history of five years, in the partitions of its months, and 100 000 with a few entries each.
select daybook_private.ensure_partition(parent, date_trunc('month', now(), 'UTC') - make_interval(months => n))
  from generate_series(0, 61) n, unnest('{daybook.entries,daybook.transactions}'::regclass[]) parent;
select daybook.create_ledger('main');
select daybook.open_account('main', 'big', 'USD');
do $$
begin
  for n in 0..9 loop
    perform daybook.open_accounts('main', array(
      select row('users:' || n * 10000 + m, 'USD', 'credit', null, null, null, null)::daybook.account_input
        from generate_series(1, 10000) m));
  end loop;
end
$$;
reset role;
set session_replication_role = replica;
create temp table history as
  select n, uuidv7(at - clock_timestamp()) as transaction_id, at
    from (select n, now() - interval '5 years' + n * (interval '5 years' / :entries) as at
            from generate_series(1, :entries) n) h;
insert into daybook.transactions (ledger, id, status, effective_at, created_at, posted_at, description, actor)
  select 'main', transaction_id, 'posted', at, at, at, 'No ' || n, 'bench' from history;
insert into daybook.entries
  (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount, currency, effect, locked,
   effective_at, created_at, lock_version, pending_debits, pending_credits, posted_debits, posted_credits)
select 'main', uuidv7(h.at - clock_timestamp()), h.transaction_id, 1, 1, a.id, 'credit'::daybook.direction, 100, 'USD', 'posted'::daybook.entry_effect, false,
       h.at, h.at, h.n, 0, h.n * 100, 0, h.n * 100
  from history h
  join daybook.accounts a on a.ledger = 'main' and a.address = 'big'
union all
select 'main', uuidv7(h.at - clock_timestamp()), h.transaction_id, 1, 2, a.id, 'debit', 100, 'USD', 'posted', false,
       h.at, h.at, (h.n - 1) / 100000 + 1, ((h.n - 1) / 100000 + 1) * 100, 0, ((h.n - 1) / 100000 + 1) * 100, 0
  from history h
  join daybook.accounts a on a.ledger = 'main' and a.address = 'users:' || (h.n - 1) % 100000 + 1;
update daybook_private.account_counters c
   set lock_version = e.n, pending_debits = e.debits, pending_credits = e.credits,
       posted_debits = e.debits, posted_credits = e.credits
  from (select account_id, count(*) as n, coalesce(sum(amount) filter (where direction = 'debit'), 0) as debits,
               coalesce(sum(amount) filter (where direction = 'credit'), 0) as credits
          from daybook.entries group by account_id) e
 where e.account_id = c.account_id;
set session_replication_role = origin;
