-- A transfer as one would write it by hand: each statement a round trip.
\set a random(1, 5000)
\set b random(5001, 10000)
\set k random(1, 1000000000000000)
begin;
update accounts set balance = balance - 100 where id = :a;
update accounts set balance = balance + 100 where id = :b;
with made as (insert into transfers (key) values ('bench-' || :k::bigint) returning id) insert into entries select made.id, side.* from made, (values (:a::int, -100), (:b::int, 100)) side;
end;
