-- A withdrawal from the one account that is in every transaction, which must not fall below zero: everybody waits for its row.
\set a random(1, 10000)
\set k random(1, 1000000000000000)
select transaction_id from daybook.create_transaction('main', array[row('bank' || chr(58) || 'settlement', 'credit', 100, null, null, null, row(null, 0, null, null, null, null)::daybook.balance_bounds, null, null)::daybook.entry_input, row('users' || chr(58) || :a::int, 'debit', 100, null, null, null, null, null, null)::daybook.entry_input], idempotency_key => 'bench-' || :k::bigint, metadata => '{"order":"ord-123456","channel":"web"}');
