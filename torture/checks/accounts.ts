import type { Line } from "../../test/support/ledgers.ts";
import { broken, type Account } from "../../test/properties/judge.ts";
import type { Deed } from "../clients/deed.ts";
import type { Books, Entry } from "./books.ts";
import type { Report } from "./finding.ts";
import { applyEntry, countsOf, newAccount } from "./model.ts";
import type { Settings } from "./settings.ts";
import { written, type Writers } from "./transactions.ts";

/**
 * Walks along each account's own history: its versions are gap-free, each link adds up, and at no place of it was a
 * condition, a version lock or a limit violated by what came there, as the client wrote it down who asked for it.
 */
export function checkAccounts(
  books: Books,
  writers: Writers,
  settings: Settings,
  report: Report,
): void {
  for (const [address, entries] of books.entries) {
    walk({ address, entries, writers, settings, report });
  }
}

type Walk = {
  address: string;
  entries: Entry[];
  writers: Writers;
  settings: Settings;
  report: Report;
};

function walk({ address, entries, writers, settings, report }: Walk): void {
  let account = newAccount();
  let told = countsOf(account);
  /** The version before the expired holds that came just before: who finds them releases them first. */
  let versionBeforeExpiry = 0;
  const seen = new Set<Deed>();
  for (const step of stepsOf(entries, writers)) {
    const before = account;
    account = structuredClone(before);
    for (const entry of step.entries) {
      applyEntry(new Map([[address, account]]), entry);
      told = link(address, told, entry, report);
    }
    if (step.writer !== "expiry") {
      if (step.writer && step.entries.some(({ locked }) => locked)) {
        if (seen.has(step.writer))
          report("its entries do not follow each other", address, step.writer.id);
        seen.add(step.writer);
      }
      if (step.writer) {
        const limits = settings.limits(address, step.writer);
        const [old, now] = [
          { ...before, ...limits },
          { ...account, ...limits },
        ];
        judgeStep(address, step.writer, old, now, versionBeforeExpiry, report);
        if (isNew(step.writer, address) && settings.isClosed(address, step.writer)) {
          report("came to an account that was closed", address, step.writer.id);
        }
      }
      versionBeforeExpiry = account.version;
    }
  }
}

/** Whether a deed brings entries to an account that a closed one refuses. */
function isNew({ does, request }: Deed, address: string): boolean {
  if (does === "partially_post_transaction") return false;
  if (does === "reverse_transaction" || does === "transfer_between_ledgers") return true;
  return ((request["entries"] ?? []) as Line[]).some(({ account }) => account === address);
}

type Step = { writer: Deed | "expiry" | undefined; entries: Entry[] };

/** Entries that one deed wrote next to each other are one step. */
function stepsOf(entries: Entry[], writers: Writers): Step[] {
  const steps: Step[] = [];
  for (const entry of entries) {
    const writer = writers.get(written(entry.transaction, entry.version));
    const last = steps.at(-1);
    if (last && writer && last.writer === writer) last.entries.push(entry);
    else steps.push({ writer, entries: [entry] });
  }
  return steps;
}

/**
 * One entry more: its version is the next, and its counters are those before it and its own. Who comes after it goes on from what it says, so that
 * the entry that is wrong is found, and not all that follow.
 * @param before version and counters that the entry before it tells
 * @returns those that it tells; while it is queued, those that it should
 */
function link(address: string, before: number[], entry: Entry, report: Report): number[] {
  const account = newAccount();
  applyEntry(new Map([[address, account]]), entry);
  const due = countsOf(account).map((more, n) => before[n]! + more);
  const [version, ...sums] = due;
  const { lockVersion, counters, transaction } = entry;
  if (lockVersion !== version)
    report(`version ${lockVersion} stands where ${version} should`, address, transaction);
  if (JSON.stringify(sums) !== JSON.stringify(counters)) {
    const what = `version ${lockVersion} says ${counters}, the sums are ${sums}`;
    report(what, address, transaction);
  }
  return [lockVersion, ...counters].map((told, n) => told ?? due[n]!);
}

function judgeStep(
  address: string,
  deed: Deed,
  before: Account,
  after: Account,
  versionBeforeExpiry: number,
  report: Report,
): void {
  const lines = ((deed.request["entries"] ?? []) as Line[]).filter(
    ({ account }) => account === address,
  );
  const judged: Line[] =
    lines.length > 0 ? lines : [{ account: address, direction: "debit", amount: 1 }];
  const maps = [new Map([[address, before]]), new Map([[address, after]])] as const;
  let code = broken(...maps, judged);
  if (code === "LDVER" && lines.some(({ lock_version }) => lock_version === versionBeforeExpiry)) {
    code = broken(
      ...maps,
      judged.map((line) => ({ ...line, lock_version: before.version })),
    );
  }
  if (code) {
    const balances = JSON.stringify({ before, after, lines });
    report(
      `was let through, and should have been refused with ${code}: ${balances}`,
      address,
      deed.id,
    );
  }
}
