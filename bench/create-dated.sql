-- create.sql with an effective time of its own, which lies in no closed period.
\set a random(1, 10000)
\set b random(1, 10000)
\set k random(1, 1000000000000000)
select transaction_id from daybook.create_transaction('main', array[row('users' || chr(58) || :a::int, 'debit', 100, null, null, null, null, null, null)::daybook.entry_input, row('users' || chr(58) || :b::int, 'credit', 100, null, null, null, null, null, null)::daybook.entry_input], effective_at => now() - interval '1 day', idempotency_key => 'bench-' || :k::bigint, metadata => '{"order":"ord-123456","channel":"web"}');
