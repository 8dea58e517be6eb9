import { newPast, type Evidence } from "../../torture/checks/evidence.ts";
import type { Entry, Records } from "../../torture/checks/books.ts";
import { applyEntry, newAccount } from "../../torture/checks/model.ts";
import type { Deed, Read } from "../../torture/clients/deed.ts";
import type { Row } from "../../torture/doors/door.ts";
import { asked, booksOf, logged } from "./support.ts";

/** A ledger by hand that does what it is asked for, one call after the other: what clients know of it, and its books. */
export class LedgerByHand {
  #now = 0;
  #deeds: Deed[] = [];
  #reads: Read[] = [];
  #here: Records;
  #accounts;

  constructor(...addresses: string[]) {
    const accounts = addresses.map(openingOf);
    const { kept } = booksOf(accounts);
    kept.events = accounts.map((one) => logged("open_account", one));
    this.#here = { ...recordsOf("main"), kept };
    this.#accounts = new Map(addresses.map((address) => [address, newAccount()]));
    this.#done("main", "create_ledger", { ledger: "main" });
    for (const one of accounts) this.#done(`open ${one.address}`, "open_account", one);
  }

  /** Moves an amount by a debit of one account and a credit of the other. */
  move(
    id: string,
    from: string,
    to: string,
    amount: number,
    { status = "posted", isLocked = false, expires_at }: MoveOptions = {},
  ) {
    const entries = linesOf(from, to, amount);
    const answer = { transaction_id: `T${id}`, version: 1, status };
    const request = { entries, description: id, status, ...(expires_at && { expires_at }) };
    this.#done(id, "create_transaction", request, answer);
    const row = this.#make(id, status);
    if (expires_at) row["expires_at"] = new Date(expires_at);
    this.#write(row["id"], 1, entries, status, isLocked);
  }

  /** Hands over what moves an amount; gives what applies it, under the locks of its accounts. */
  enqueue(id: string, from: string, to: string, amount: number): () => void {
    const entries = linesOf(from, to, amount);
    const receipt = { receipt_id: `R${id}`, idempotency_key: id };
    const request = { entries, description: id, idempotency_key: id };
    this.#done(id, "enqueue_transactions", request, { ...receipt, state: "queued" });
    return () => {
      const { id: transaction_id } = this.#make(id, "posted");
      const end = { state: "applied", transaction_id, error_code: null };
      this.#here.receipts.push({ ...receipt, ...end });
      this.#write(transaction_id, 1, entries, "posted", true);
    };
  }

  /** Posts what is pending, as it is. */
  post(id: string, of: string) {
    const row = this.#rowOf(of);
    const lines = this.#linesOf(row);
    const version = this.#change(row, { status: "posted", posted_at: new Date(this.#now + 11) });
    const answer = { transaction_id: row["id"], version, status: "posted" };
    this.#done(id, "post_transaction", { transaction_id: row["id"] }, answer);
    this.#write(row["id"], version, lines, "settled");
  }

  /** Asks for another amount of what is pending; another one still may be written. */
  update(id: string, of: string, amount: number, written = amount) {
    const row = this.#rowOf(of);
    const lines = this.#linesOf(row);
    const version = this.#change(row, {});
    const [from, to] = lines.map(({ account }) => account) as [string, string];
    const request = { transaction_id: row["id"], entries: linesOf(from, to, amount) };
    const answer = { transaction_id: row["id"], version, status: "pending" };
    this.#done(id, "update_transaction", request, answer);
    this.#write(row["id"], version, lines, "released");
    this.#write(row["id"], version, linesOf(from, to, written), "pending");
  }

  /** Writes what is in the books of a transaction the other way round. */
  reverse(id: string, of: string) {
    const { id: transaction_id, version, effective_at } = this.#rowOf(of);
    const [{ account, amount }, other] = this.#linesOf({ id: transaction_id, version }) as [
      Entry,
      Entry,
    ];
    const answer = { transaction_id: `T${id}`, version: 1, status: "posted" };
    this.#done(id, "reverse_transaction", { transaction_id, description: id }, answer);
    Object.assign(this.#make(id, "posted"), { effective_at });
    this.#write(`T${id}`, 1, linesOf(other.account, account, amount), "posted");
  }

  /** The time of what is pending is over, which somebody finds who holds its accounts. */
  expire(of: string) {
    const row = this.#rowOf(of);
    const lines = this.#linesOf(row);
    this.#now += 10;
    const facts = { archived_reason: "expired", archived_at: new Date(this.#now) };
    const version = this.#change(row, { status: "archived", ...facts });
    this.#write(row["id"], version, lines, "released", true);
  }

  limit(id: string, address: string, balance_min: number | null) {
    const limits = { balance_min, balance_max: null };
    const { kept } = this.#here;
    this.#done(id, "set_account_limits", { address, ...limits });
    kept.events.push(logged("set_account_limits", { address, ...limits }));
    Object.assign(
      kept.accounts.find((one) => one["address"] === address)!,
      limits,
    );
  }

  /** Reads the balance of an account; which is told as it is, and so much more. */
  read(account: string, more = 0) {
    const { version, pending, posted } = this.#accounts.get(account)!;
    const row = {
      account,
      lock_version: `${version}`,
      pending_debits: `${pending.debit}`,
      pending_credits: `${pending.credit + more}`,
      posted_debits: `${posted.debit}`,
      posted_credits: `${posted.credit + more}`,
    };
    const request = { ledger: "main", account };
    const [sent, ended] = [(this.#now += 10), this.#now + 5];
    this.#reads.push({
      does: "account_balance",
      request,
      rows: [row],
      sent,
      ended,
      client: "s0",
    });
  }

  evidence(): Evidence {
    const known = { deeds: this.#deeds, reads: this.#reads, past: newPast("past") };
    return {
      known,
      here: this.#here,
      abroad: recordsOf("abroad"),
      presence: recordsOf("past"),
    };
  }

  #done(id: string, does: string, request: Row, answer: Row = {}) {
    const deed = asked(id, does, request, (this.#now += 10), this.#now + 5);
    this.#deeds.push(Object.assign(deed, { answer: { replayed: false, balances: [], ...answer } }));
  }

  /** Adds a transaction to the books. */
  #make(id: string, status: string): Row {
    this.#here.transactions.push(rowOf(id, status, this.#now + 1));
    return this.#here.transactions.at(-1)!;
  }

  #rowOf = (id: string): Row => this.#here.transactions.find((row) => row["id"] === `T${id}`)!;

  /** What a transaction's last version wrote, but for what that took back. */
  #linesOf = ({ id, version }: Row): Entry[] =>
    this.#here.entries.filter(
      (one) => one.transaction === id && one.version === version && one.effect !== "released",
    );

  /** A transaction comes to its next version. */
  #change(row: Row, facts: Row): number {
    Object.assign(row, { version: row["version"] + 1, ...facts });
    return row["version"];
  }

  #write(
    transaction: string,
    version: number,
    lines: Row[],
    effect: Entry["effect"],
    locked = false,
  ) {
    for (const [position, { account, direction, amount }] of lines.entries()) {
      const place = { id: `${transaction}/${version}/${position}`, transaction, version, position };
      const line = { account, direction, amount, effect, locked, createdAt: this.#now + 1 };
      const entry: Entry = { ...place, ...line, lockVersion: null, counters: [] };
      applyEntry(this.#accounts, entry);
      const { version: lockVersion, pending, posted } = this.#accounts.get(account)!;
      const counters = [pending.debit, pending.credit, posted.debit, posted.credit];
      this.#here.entries.push({ ...entry, lockVersion, counters });
    }
  }
}

type MoveOptions = { status?: "pending" | "posted"; isLocked?: boolean; expires_at?: string };

const linesOf = (from: string, to: string, amount: number) => [
  { account: from, direction: "debit" as const, amount },
  { account: to, direction: "credit" as const, amount },
];

/** Accounts of some names have a limit, as the simulator's have. */
const openingOf = (address: string) => ({
  address,
  currency: "USD",
  ...(address.startsWith("limited") && { balance_min: 0 }),
});

const recordsOf = (ledger: string): Records => ({
  ledger,
  entries: [],
  transactions: [],
  receipts: [],
  kept: { ...booksOf([]).kept, events: [] },
});

const rowOf = (id: string, status: string, made: number): Row => ({
  id: `T${id}`,
  status,
  version: 1,
  effective_at: new Date(made),
  created_at: new Date(made),
  posted_at: status === "posted" ? new Date(made) : null,
  archived_at: null,
  archived_reason: null,
  expires_at: null,
  description: id,
  metadata: {},
  partially_posts_transaction_id: null,
  counterpart_ledger: null,
  counterpart_transaction_id: null,
  made,
});
