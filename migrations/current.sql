--!include daybook_private/functions/true_counters.sql
drop function daybook_private.accounts_to_roll_up(integer, integer);
drop function daybook_private.roll_up_account(text, uuid, integer, integer);
drop function daybook_private.entry_cells(text, uuid, bigint, bigint);
drop function daybook_private.later_sums(text, uuid[], uuid, timestamptz, timestamptz);
drop function daybook_private.later_entries(text, uuid[], timestamptz, timestamptz);
alter table daybook_private.rollup_cursors
  add column both_version bigint not null default 0,
  add column both_later_from uuid not null default '00000000-0000-0000-0000-000000000000';
update daybook_private.rollup_cursors set both_version = lock_version, both_later_from = later_from;
comment on table daybook_private.rollup_cursors is
  'How far the sums of each account go: its entries up to lock_version are in the sums of one time, up to both_version in those of both times, which is never more; later ones are not. Where to look for later ones, later_from and both_later_from say, but only as a hint: one that waited for long has an older id. The units are the shortest periods that there are sums of: month, day or hour.';
--!include daybook_private/functions/entry_cells.sql
--!include daybook_private/functions/refine_sums.sql
--!include daybook_private/functions/add_sums.sql
--!include daybook_private/functions/roll_up_account.sql
--!include daybook_private/functions/last_effective_entries.sql
--!include daybook_private/functions/last_recorded_entries.sql
--!include daybook_private/functions/later_sums.sql
--!include daybook_private/functions/later_entries.sql
--!include daybook_private/functions/account_sums_at.sql
--!include daybook_private/functions/accounts_to_roll_up.sql
--!include daybook_private/functions/broken_sums.sql
--!include daybook/views/rollups.sql
--!include daybook_private/functions/category_accounts.sql
--!include daybook/functions/account_balances.sql
--!include daybook/functions/trial_balance.sql
