import type { Past, PastEntry, PastRead } from "../clients/past.ts";
import type { Row } from "../doors/door.ts";
import type { Report } from "./finding.ts";
import { applyEntry, newAccount } from "./model.ts";
import { figuresIn, misshapen } from "./shapes.ts";

/*
 * What was known of the past when clients came is what it ever will be: nobody writes anything that takes effect then. So whoever
 * asks is told that, to the last unit; or that it is detached, if the month may be out just then.
 */
export function checkPast(past: Past, report: Report): void {
  for (const read of past.reads) {
    const by = `${read.client} ${read.sent}`;
    if (read.code !== undefined) {
      const objection = objectionTo(past, read);
      if (objection) report(`${objection}: ${read.code} ${JSON.stringify(read.detail)}`, by);
      continue;
    }
    const objection = misshapen(read, past.accounts);
    if (objection) {
      report(objection, by);
      continue;
    }
    for (const row of read.rows.filter(({ account }) => account)) {
      const was = figuresAt(past.entries.get(row["account"]) ?? [], read.request);
      if (figuresIn(read.does, row).some(([name, n]) => was[name] !== n))
        report(`${read.does} ${JSON.stringify(read.request)}: ${JSON.stringify([row, was])}`, by);
    }
  }
}

/** What an account's entries add up to, of those that a read asks for. */
function figuresAt(entries: PastEntry[], request: PastRead["request"]): Row {
  const limit = (name: string) =>
    request[name] === undefined ? Infinity : Date.parse(request[name]);
  const [effective, recorded] = [limit("effective_at"), limit("recorded_at")];
  const some = entries.filter(
    ({ effectiveAt, createdAt, lockVersion }) =>
      effectiveAt <= effective &&
      createdAt <= recorded &&
      lockVersion! <= (request["lock_version"] ?? Infinity),
  );
  const account = newAccount();
  for (const entry of some) applyEntry(new Map([[entry.account, account]]), entry);
  const { pending, posted } = account;
  return {
    lock_version: some.length,
    pending_debits: pending.debit,
    pending_credits: pending.credit,
    posted_debits: posted.debit,
    posted_credits: posted.credit,
  };
}

/** What is wrong with a refusal; nothing if the month that it names may have been out, and was asked for. */
function objectionTo({ absences, months }: Past, read: PastRead): string | undefined {
  const { request, sent, ended } = read;
  if (read.code !== "LDARG") return "refused otherwise";
  const { argument, detached_until } = JSON.parse(String(read.detail));
  if (request[argument] === undefined) return "refused for what was not asked";
  const until = new Date(detached_until);
  const month = new Date(Date.UTC(until.getUTCFullYear(), until.getUTCMonth() - 1));
  const isOut = absences.some(
    (one) =>
      one.month.getTime() === month.getTime() && one.from < ended && (one.until ?? Infinity) > sent,
  );
  if (!isOut || !months.some((one) => one.getTime() === month.getTime()))
    return "refused for a month that is here";
  if (argument !== "lock_version" && Date.parse(request[argument]) >= until.getTime())
    return "refused for a later time";
  return undefined;
}
