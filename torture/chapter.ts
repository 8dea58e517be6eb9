import { callAs } from "../test/support/call.ts";
import type { Stage } from "./stage/stage.ts";
import { CATEGORIES, ALL, LIMITS, currencyOf } from "./clients/accounts.ts";
import { clock } from "./clients/creations.ts";
import { deedOf } from "./clients/deed.ts";
import { newKnown, type Known } from "./clients/known.ts";
import { connectTo } from "./stage/postgres.ts";
import { LOGIN } from "./stage/logins.ts";
import type { Args } from "./doors/door.ts";

/** What the accounts hold at first. Little, so that conditions bind. */
const MONEY = 150;

/** Opens the two ledgers of a chapter, with all accounts and a little money in them. Nothing disturbs this yet. */
export async function openChapter({ postgres, past }: Stage, name: string): Promise<Known> {
  const known = newKnown(`torture-${name}`, `torture-${name}-abroad`, past);
  past.reads = []; // those of the chapter before were judged with it
  clock.offset = 0;
  const client = await connectTo(postgres.url());
  const call = async (does: string, request: Args) => {
    const deed = deedOf(does, request, request["description"] ?? `first ${known.deeds.length}`);
    known.deeds.push(Object.assign(deed, { sent: performance.now(), sentAt: Date.now() }));
    const rows = await callAs(client, does, request);
    const answer = rows[0];
    Object.assign(deed, { fate: "done", ended: performance.now(), answer, way: "at first" });
    return rows;
  };
  try {
    for (const ledger of [known.ledger, known.otherLedger]) {
      await call("create_ledger", { ledger });
      await call("grant_ledger_access", { role: LOGIN, ledger, access: "admin" });
    }
    const { ledger, otherLedger } = known;
    for (const address of ALL) {
      const { min, max } = LIMITS[address] ?? {};
      const currency = currencyOf(address);
      const facts = { address, currency, balance_min: min, balance_max: max };
      const [account] = await call("open_account", { ledger, ...facts });
      known.ids.set(address, account!["id"]);
    }
    for (const address of ["there", "clearing"]) {
      await call("open_account", { ledger: otherLedger, address, currency: "USD" });
    }
    for (const [category, members] of Object.entries(CATEGORIES)) {
      await call("create_category", { ledger, category, currency: "USD" });
      for (const member of members) {
        const kind = member in CATEGORIES ? "child_category" : "account";
        await call("add_to_category", { ledger, category, [kind]: member });
      }
    }
    for (const account of ALL.filter(
      (address) => address !== "world" && currencyOf(address) === "USD",
    )) {
      const entries = [
        { account: "world", direction: "debit", amount: MONEY },
        { account, direction: "credit", amount: MONEY },
      ];
      await call("create_transaction", { ledger, entries, description: `first ${account}` });
    }
    return known;
  } finally {
    await client.end();
  }
}
