-- A ledger `search` of :transactions transactions of :users users over a year, written past the ledger's functions by a
-- superuser: search needs many rows, not their balances. What the worker does is done at the end.
set local session_replication_role = replica;
set local timezone to 'UTC';

select count(daybook_private.ensure_partition(parent, date_trunc('month', now()) - make_interval(months => n)))
  from unnest(array['daybook.transactions', 'daybook.entries', 'daybook_private.log_events']::regclass[]) parent,
       generate_series(1, 12) n;

select count(*) from daybook.create_ledger('search');
select count(*) from daybook.open_accounts('search', array(
  select row('users:' || n || ':card', 'USD', 'credit', null, null, null, null)::daybook.account_input
    from generate_series(1, :users) n));
select count(*) from daybook.open_accounts('search', array(
  select row('shops:' || n, 'USD', 'credit', null, null, null, null)::daybook.account_input
    from generate_series(1, 1000) n));
select count(*) from daybook.open_account('search', 'bank', 'USD', 'debit');
select count(*) from daybook.open_accounts('search', array[
  row('euro:a', 'EUR', 'credit', null, null, null, null), row('euro:b', 'EUR', 'credit', null, null, null, null)]::daybook.account_input[]);
select count(*) from daybook.create_category('search', 'few', 'USD');
select count(*) from daybook.create_category('search', 'many', 'USD');
select count(*) from generate_series(1, 20) n, lateral daybook.add_to_category('search', 'few', 'users:' || n * 7 || ':card') c;
select count(*) from generate_series(1, :users / 10) n, lateral daybook.add_to_category('search', 'many', 'users:' || n * 10 || ':card') c;

-- One in ten is a deposit by the bank, one in a thousand in euros; shops are as uneven as shops are.
create temp table made on commit drop as
  select n, uuidv7(at - now()) as id, at,
         at - case when n % 50 = 0 then random() * interval '300 days' else random() * interval '2 days' end as effective_at,
         case when n % 200 = 0 then 'pending' when n % 333 = 0 then 'archived' else 'posted' end::daybook.transaction_status as status,
         1 + floor(exp(random() * 11))::integer as amount,
         case when n % 1000 = 0 then 'euro:a' when n % 10 = 0 then 'bank' else 'users:' || 1 + floor(random() * :users)::integer || ':card' end as payer,
         case when n % 1000 = 0 then 'euro:b' when n % 10 = 0 then 'users:' || 1 + floor(random() * :users)::integer || ':card'
              else 'shops:' || 1 + floor(1000 * random() ^ 3)::integer end as payee
    from (select n, now() - interval '365 days' * (:transactions - n)::numeric / :transactions as at
            from generate_series(1, :transactions) n) s;
insert into daybook.transactions (ledger, id, status, effective_at, created_at, posted_at, external_id, description, metadata, actor)
  select 'search', m.id, m.status, m.effective_at, m.at, case when m.status = 'posted' then m.at end, 'ext-' || m.n,
         case when m.payer = 'bank' then 'Deposit ' || to_char(m.at, 'Month')
              else (array['STARBUCKS', 'AMAZON MARKETPLACE', 'Green Grocer', 'City Parking', 'NETFLIX.COM', 'Bookshop', 'Pharmacy',
                          'Hardware Store', 'Bakery', 'Railway Tickets'])[1 + abs(hashtext(m.payee)) % 10]
                   || ' ' || substr(md5(m.payee), 1, 6) || ' #' || m.n % 9973 end,
         jsonb_build_object('order', m.n, 'channel', (array['web', 'pos', 'app'])[1 + m.n % 3], 'note', case when m.n % 5000 = 0 then 'under dispute' else 'none' end),
         'bench'
    from made m;
insert into daybook.entries (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount, currency, effect,
                             locked, effective_at, created_at, lock_version)
  select 'search', uuidv7(m.at - now()), m.id, 1, l.position, a.id, l.direction, m.amount, a.currency,
         case m.status when 'archived' then 'released' else m.status::text end::daybook.entry_effect, false, m.effective_at, m.at,
         row_number() over (partition by a.id order by m.n)
    from made m
   cross join lateral (values (1, 'debit'::daybook.direction, m.payer), (2, 'credit', m.payee)) l (position, direction, address)
    join daybook.accounts a on a.ledger = 'search' and a.address = l.address;
analyze daybook.transactions, daybook.entries, daybook_private.log_events;

do $$
declare
  ids uuid[];
  after uuid := '00000000-0000-0000-0000-000000000000';
begin
  loop
    ids := array(select t.id from daybook.transactions t where t.ledger = 'search' and t.id > after order by t.id limit 10000);
    exit when ids = '{}';
    perform daybook_private.index_transactions('search', ids);
    after := ids[cardinality(ids)];
  end loop;
  insert into daybook_private.search_heads values ('search', after);
end
$$;
analyze daybook_private.search_documents, daybook_private.search_lines;
