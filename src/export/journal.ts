import type { Progress } from "../import/progress.ts";
import { accountDirective, commodityDirective, journalEntry, type Posted } from "./hledger.ts";
import { ACCOUNTS, COMMODITIES, COUNT_POSTED, POSTED } from "./journal-statements.ts";
import type { Snapshot } from "./snapshot.ts";

type Account = { id: string; address: string; currency: string; normal_balance: string };

/**
 * A ledger's posted transactions as a journal, piece by piece, in the order in which they took effect.
 * @param show is told how many there are, and later how far it is
 */
export async function* journalOf(
  snapshot: Snapshot,
  ledger: string,
  show: (total: number) => Progress,
): AsyncGenerator<string> {
  yield `; The posted transactions of ledger ${ledger}, dated in UTC. Debits are positive.\ndecimal-mark .\n\n`;
  for (const { code, exponent } of await snapshot.query<{ code: string; exponent: number }>(
    COMMODITIES,
  )) {
    yield commodityDirective(code, exponent);
  }
  yield "\n";
  for await (const accounts of snapshot.stream<Account>(ACCOUNTS)) {
    yield accounts.map(({ address, ...tags }) => accountDirective(address, tags)).join("");
  }
  yield "\n";
  const [counted] = await snapshot.query<{ count: number }>(COUNT_POSTED);
  const progress = show(counted!.count);
  let done = 0;
  try {
    for await (const transactions of snapshot.stream<Posted>(POSTED)) {
      yield transactions.map(journalEntry).join("");
      done += transactions.length;
      progress.update(done, done);
    }
  } finally {
    progress.stop();
  }
}
