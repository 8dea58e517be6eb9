-- batch.sql with accounts of its own for each of two clients.
\set a 5000 * :client_id + random(1, 3900)
\set b 5000 * :client_id + random(1, 3900)
\set k random(1, 1000000000000000)
select count(*) from daybook.create_transactions('main', array(select row(array[row('users' || chr(58) || (:a::int + i) % 10000 + 1, 'debit', 100, null, null, null, null, null, null)::daybook.entry_input, row('users' || chr(58) || :b::int + i, 'credit', 100, null, null, null, null, null, null)::daybook.entry_input], null, null, 'bench-' || :k::bigint || '-' || i, null, null, '{"order":"ord-123456","channel":"web"}', null, null, null)::daybook.transaction_input from generate_series(1, 1000) i));
