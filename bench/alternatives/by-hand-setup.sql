-- The least that a service would write for itself: balances, entries, and a key against doing things twice.
create table accounts (id int primary key, balance bigint not null) with (fillfactor = 50);
create table transfers (id bigint generated always as identity primary key, key text not null unique, created_at timestamptz not null default now());
create table entries (transfer_id bigint not null references transfers, account_id int not null references accounts, amount bigint not null);
create index on entries (account_id, transfer_id);
create index on entries (transfer_id);
insert into accounts select n, 1000000000 from generate_series(1, 10000) n;
