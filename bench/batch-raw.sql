-- The rows that batch.sql writes into transactions, entries and idempotency_keys, without any logic and without
-- triggers (session_replication_role=replica). Counters are left out: nothing but inserts. For comparison only.
\set a random(1, 10000)
\set b random(1, 9000)
\set k random(1, 1000000000000000)
with made as materialized (
  select i, uuidv7() as id, uuidv7() as debit_id, uuidv7() as credit_id, d.id as debit_account, c.id as credit_account
    from generate_series(1, 1000) i
    join bench_accounts d on d.n = (:a::int + i) % 10000 + 1
    join bench_accounts c on c.n = :b::int + i),
keys as (
  insert into daybook_private.idempotency_keys (ledger, key, operation, request_hash, transaction_id, status, version)
  select 'main', 'bench-' || :k::bigint || '-' || i, 'create_transaction', 1234567890123456789, id, 'posted', 1 from made),
transactions as (
  insert into daybook.transactions (ledger, id, status, effective_at, created_at, posted_at, metadata, actor)
  select 'main', id, 'posted', now(), now(), now(), '{"order":"ord-123456","channel":"web"}', 'bench_service' from made)
insert into daybook.entries
  (ledger, id, transaction_id, transaction_version, position, account_id, direction, amount, currency, effect, locked,
   effective_at, created_at, lock_version, pending_debits, pending_credits, posted_debits, posted_credits)
select 'main', l.id, m.id, 1, l.position, l.account_id, l.direction::daybook.direction, 100, 'USD', 'posted', false,
       now(), now(), 1000 + i, 1000000100, 1000000000, 1000000100, 1000000000
  from made m
 cross join lateral (values (m.debit_id, 1, m.debit_account, 'debit'), (m.credit_id, 2, m.credit_account, 'credit'))
         as l (id, position, account_id, direction);
