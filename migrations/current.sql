-- Categories
--!include daybook_private/functions/refuse.sql
--!include daybook/tables/categories.sql
--!include daybook/tables/category_members.sql
--!include daybook_private/tables/category_graphs.sql

grant select on daybook.categories, daybook.category_members to daybook_reader;
alter table daybook.categories enable row level security;
alter table daybook.category_members enable row level security;
alter table daybook_private.category_graphs enable row level security;
create policy readers_of_the_ledger on daybook.categories for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));
create policy readers_of_the_ledger on daybook.category_members for select
  using (ledger = any ((select daybook_private.readable_ledgers())::text[]));

--!include daybook_private/functions/refuse_missing_categories.sql
--!include daybook_private/functions/check_categories.sql
--!include daybook_private/functions/categories_above.sql
--!include daybook_private/functions/categories_of.sql
--!include daybook_private/functions/prepare_membership.sql
--!include daybook_private/functions/check_member.sql
--!include daybook_private/functions/check_category_locks.sql
--!include daybook_private/functions/check_categories_exist.sql
--!include daybook_private/functions/lock_categories.sql
--!include daybook_private/functions/category_totals.sql
--!include daybook_private/functions/judge_categories.sql
--!include daybook/functions/create_category.sql
--!include daybook/functions/add_to_category.sql
--!include daybook/functions/remove_from_category.sql
