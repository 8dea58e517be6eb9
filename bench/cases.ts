import { graphqlRate } from "./graphql.ts";

/** Who sends a load that is no script: gives how many things were done per second. */
export type Run = (load: { url: string; clients: number; seconds: number }) => Promise<number>;

/**
 * What is measured, and against what. A case is a pgbench script run by 16 clients with prepared
 * statements; its rate is divided by the rate of the case it is compared with, round by round.
 */
export type Case = {
  name: string;
  /** A file of this folder, a path, or pgbench's own script. */
  script: string;
  /** In place of the script. */
  run?: Run;
  /**
   * The ledger's, TPC-B's, one of an alternative's own; or a copy of the ledger's without a worker, for what writes past its
   * functions: the worker would find that the books are wrong, and all that follows would be slow; or another copy
   * without a worker, for what is to be measured without one.
   */
  database: "daybook" | "tpcb" | "own" | "raw" | "alone";
  /** Settings of the sessions, as in PGOPTIONS. */
  options?: string;
  /** How many things one run of the script does. Default 1. */
  units?: number;
  /** How many run it at once. Default 16, or what is asked for. */
  clients?: number;
  /** As the superuser: who alone may write into the tables, or may become everybody as the server does. */
  isOfSuperuser?: boolean;
  /** Name of the case it is compared with. */
  against?: string;
  /** The least ratio that is asked for, and the one that is aimed at in the end. */
  bar?: number;
  goal?: number;
};

const notWaiting = "-c synchronous_commit=off";

export const cases: Case[] = [
  { name: "TPC-B (pgbench)", script: "tpcb-like", database: "tpcb" },
  {
    name: "create_transaction",
    script: "create.sql",
    database: "daybook",
    against: "TPC-B (pgbench)",
    bar: 1,
    goal: 1.2,
  },
  {
    name: "hot account in each, no conditions",
    script: "create-hot.sql",
    database: "daybook",
    against: "create_transaction",
    bar: 0.9,
  },
  {
    name: "card: available >= 0 on the user, hot account without",
    script: "create-card.sql",
    database: "daybook",
    against: "create_transaction",
    bar: 0.85,
  },
  {
    name: "create_transaction with an effective time",
    script: "create-dated.sql",
    database: "daybook",
    against: "create_transaction",
    bar: 0.9,
  },
  {
    name: "enqueue_transactions, one a call",
    script: "enqueue.sql",
    database: "daybook",
    against: "create_transaction",
    bar: 2,
  },
  {
    name: "create_transaction, no worker",
    script: "create.sql",
    database: "alone",
    against: "TPC-B (pgbench)",
  },
  {
    name: "enqueue_transactions, one a call, nobody draining",
    script: "enqueue.sql",
    database: "alone",
    against: "create_transaction, no worker",
    bar: 2,
  },
  {
    name: "enqueue_transactions, 100 a call",
    script: "enqueue-100.sql",
    units: 100,
    database: "daybook",
    against: "create_transaction",
    bar: 2,
  },
  {
    name: "raw insert of 1000 transactions, one client",
    script: "batch-raw.sql",
    units: 1000,
    clients: 1,
    isOfSuperuser: true,
    database: "raw",
    options: "-c session_replication_role=replica",
  },
  {
    name: "create_transactions, 1000 a call, one client",
    script: "batch.sql",
    units: 1000,
    clients: 1,
    database: "daybook",
    against: "raw insert of 1000 transactions, one client",
    bar: 0.5,
    goal: 0.7,
  },
  {
    name: "the same batch, beside TPC-B",
    script: "batch.sql",
    units: 1000,
    clients: 1,
    database: "daybook",
    against: "TPC-B (pgbench)",
    bar: 3,
  },
  {
    name: "batch with one hot account in all",
    script: "batch-hot.sql",
    units: 1000,
    clients: 1,
    database: "daybook",
    against: "create_transactions, 1000 a call, one client",
    bar: 1,
  },
  {
    name: "batches of two clients on disjoint accounts",
    script: "batch-disjoint.sql",
    units: 1000,
    clients: 2,
    database: "daybook",
    against: "create_transactions, 1000 a call, one client",
  },
  {
    name: "TPC-B, synchronous_commit=off",
    script: "tpcb-like",
    database: "tpcb",
    options: notWaiting,
  },
  {
    name: "create_transaction, synchronous_commit=off",
    script: "create.sql",
    database: "daybook",
    options: notWaiting,
    against: "TPC-B, synchronous_commit=off",
    bar: 0.85,
    goal: 1,
  },
  { name: "bare primary-key select", script: "bare-select.sql", database: "tpcb" },
  {
    name: "account_balance",
    script: "balance.sql",
    database: "daybook",
    against: "bare primary-key select",
    bar: 0.5,
  },
  {
    name: "GraphQL createTransaction, one Node process",
    script: "graphql.ts",
    run: graphqlRate,
    isOfSuperuser: true,
    database: "daybook",
    against: "create_transaction",
  },
];
