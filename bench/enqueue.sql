-- The same requests as create.sql, handed to the write-ahead queue one a call.
\set a random(1, 10000)
\set b random(1, 10000)
\set k random(1, 1000000000000000)
select receipt_id from daybook.enqueue_transactions('main', array[row(array[row('users' || chr(58) || :a::int, 'debit', 100, null, null, null, null, null, null)::daybook.entry_input, row('users' || chr(58) || :b::int, 'credit', 100, null, null, null, null, null, null)::daybook.entry_input], null, null, 'bench-' || :k::bigint, null, null, '{"order":"ord-123456","channel":"web"}', null, null, null)::daybook.transaction_input]);
