-- What `pgbench -i` makes, for :scale branches.
create table pgbench_branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100);
create table pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100);
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
insert into pgbench_branches (bid, bbalance) select n, 0 from generate_series(1, :scale) n;
insert into pgbench_tellers (tid, bid, tbalance) select n, (n - 1) / 10 + 1, 0 from generate_series(1, 10 * :scale) n;
insert into pgbench_accounts (aid, bid, abalance, filler) select n, (n - 1) / 100000 + 1, 0, '' from generate_series(1, 100000 * :scale) n;
alter table pgbench_branches add primary key (bid);
alter table pgbench_tellers add primary key (tid);
alter table pgbench_accounts add primary key (aid);
