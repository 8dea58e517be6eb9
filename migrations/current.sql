-- Categories
--!include daybook_private/functions/refuse.sql
--!include daybook/tables/categories.sql
--!include daybook/tables/category_members.sql
--!include daybook_private/tables/category_graphs.sql
--!include daybook_private/tables/category_access.sql

grant select on daybook.categories, daybook.category_members to daybook_reader;
alter table daybook.categories enable row level security;
alter table daybook.category_members enable row level security;
alter table daybook_private.category_graphs enable row level security;
alter table daybook_private.category_access enable row level security;

--!include daybook_private/functions/refuse_missing_categories.sql
--!include daybook_private/functions/check_categories.sql
--!include daybook_private/functions/categories_above.sql
--!include daybook_private/functions/categories_of.sql
--!include daybook_private/functions/prepare_membership.sql
--!include daybook_private/functions/check_member.sql
--!include daybook_private/functions/check_category_locks.sql
--!include daybook_private/functions/check_categories_exist.sql
--!include daybook_private/functions/lock_categories.sql
--!include daybook_private/functions/category_accounts.sql
--!include daybook_private/functions/category_totals.sql
--!include daybook_private/functions/judge_categories.sql
--!include daybook/functions/create_category.sql
--!include daybook/functions/add_to_category.sql
--!include daybook/functions/remove_from_category.sql

-- Access by category
--!include daybook_private/functions/refuse_ledger.sql
--!include daybook_private/functions/authorize.sql
--!include daybook_private/functions/claimed_categories.sql
--!include daybook_private/functions/granted_categories.sql
--!include daybook_private/functions/partly_readable_ledgers.sql
--!include daybook_private/functions/visible_ledgers.sql
--!include daybook_private/functions/readable_categories.sql
--!include daybook_private/functions/readable_accounts.sql
--!include daybook_private/functions/accounts_of.sql
--!include daybook_private/functions/authorize_category.sql
--!include daybook_private/functions/authorize_accounts.sql
--!include daybook_private/functions/check_grantee.sql
--!include daybook/functions/grant_ledger_access.sql
--!include daybook/functions/grant_category_access.sql
--!include daybook/functions/revoke_category_access.sql
--!include daybook/functions/account_balance.sql
--!include daybook/functions/account_balances.sql
--!include daybook/functions/category_balance.sql

alter policy readers_of_the_ledger on daybook.accounts
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? id::text));
create policy readers_of_the_ledger on daybook.categories for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
create policy readers_of_the_ledger on daybook.category_members for select
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (ledger, category) in (select r.ledger, r.category from daybook_private.readable_categories() r)));
alter policy readers_of_the_ledger on daybook.entries
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
alter policy readers_of_the_ledger on daybook_private.account_counters
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
alter policy readers_of_the_ledger on daybook_private.entry_queue
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ? account_id::text));
alter policy readers_of_the_ledger on daybook.transactions
  using (ledger = any ((select daybook_private.visible_ledgers())::text[])
    and (ledger <> all ((select daybook_private.partly_readable_ledgers())::text[])
         or (select daybook_private.readable_accounts()) ?| daybook_private.accounts_of(ledger, id)));

-- What happens in a category
--!include daybook_private/functions/check_page.sql
--!include daybook_private/functions/category_lines.sql
--!include daybook_private/functions/is_small_category.sql
--!include daybook_private/functions/category_recent.sql
--!include daybook_private/functions/category_history.sql
--!include daybook/functions/category_entries.sql
--!include daybook/functions/category_transactions.sql
