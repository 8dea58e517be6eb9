-- What a balance is compared with: one row by primary key, from pgbench's own table.
\set a random(1, 10000)
select abalance from pgbench_accounts where aid = :a;
