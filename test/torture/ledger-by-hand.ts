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
    { status = "posted", isLocked = false }: MoveOptions = {},
  ) {
    const entries = [
      { account: from, direction: "debit", amount },
      { account: to, direction: "credit", amount },
    ];
    const answer = { transaction_id: `T${id}`, version: 1, status };
    this.#done(id, "create_transaction", { entries, description: id, status }, answer);
    this.#here.transactions.push(rowOf(id, status, this.#now + 1));
    this.#write(`T${id}`, 1, entries, status, isLocked);
  }

  /** Posts what is pending, as it is. */
  post(id: string, of: string) {
    const row = this.#here.transactions.find((one) => one["id"] === `T${of}`)!;
    const answer = { transaction_id: row["id"], version: 2, status: "posted" };
    this.#done(id, "post_transaction", { transaction_id: row["id"] }, answer);
    const lines = this.#here.entries.filter(({ transaction }) => transaction === row["id"]);
    Object.assign(row, { status: "posted", version: 2, posted_at: new Date(this.#now + 1) });
    this.#write(row["id"], 2, lines, "settled");
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

type MoveOptions = { status?: "pending" | "posted"; isLocked?: boolean };

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
