-- Two entries among as many accounts as there are.
\set a random(1, :accounts)
\set b random(1, :accounts)
select transaction_id from daybook.create_transaction('main', array[row('users' || chr(58) || :a::int, 'debit', 100, null, null, null, null, null, null)::daybook.entry_input, row('users' || chr(58) || :b::int, 'credit', 100, null, null, null, null, null, null)::daybook.entry_input]);
