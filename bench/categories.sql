-- A ledger of :accounts accounts, in categories of the first ten, thousand and so on of them (as far as there are so many),
-- and once more as a category of categories of a thousand. Members are written past the functions, which would log each.
select count(*) from daybook.create_ledger('main');
select count(*)
  from generate_series(0, (:accounts - 1) / 10000) n
 cross join lateral daybook.open_accounts('main', array(
         select row('users:' || i, 'USD', 'credit', null, null, null, null)::daybook.account_input
           from generate_series(n * 10000 + 1, least(:accounts, n * 10000 + 10000)) i));
select count(*)
  from unnest('{10,1000,10000,100000}'::integer[]) size
 cross join lateral daybook.create_category('main', 'of:' || size, 'USD')
 where size <= :accounts;
select count(*) from daybook.create_category('main', 'parts', 'USD');
select count(*)
  from generate_series(1, least(100, (:accounts + 999) / 1000)) part
 cross join lateral daybook.create_category('main', 'part:' || part, 'USD');
set session_replication_role = replica;
create temp table users as
  select id, address, substr(address, 7)::integer as n from daybook.accounts where address like 'users:%';
insert into daybook.category_members (ledger, category, account, account_id)
  select 'main', c.category, u.address, u.id
    from daybook.categories c
    join users u on u.n <= split_part(c.category, ':', 2)::integer
   where c.category like 'of:%'
  union all
  select 'main', 'part:' || (n - 1) / 1000 + 1, address, id from users where n <= 100000;
insert into daybook.category_members (ledger, category, child_category)
  select 'main', 'parts', category from daybook.categories where category like 'part:%';
set session_replication_role = origin;
