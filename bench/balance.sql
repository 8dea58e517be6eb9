-- The current balances of one account.
\set a random(1, 10000)
select available_amount from daybook.account_balance('main', 'users' || chr(58) || :a::int);
