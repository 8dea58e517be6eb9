import type { Evidence } from "../checks/evidence.ts";
import { deedOf, type Deed, type Plan, type Read } from "../clients/deed.ts";
import type { Args } from "../doors/door.ts";

/** A call as it was recorded, with the deeds that it brought, or the read that it was. */
export type Call = { sent: number; ended: number; deeds: Deed[]; read?: Read };

/** The calls of a history in the order in which they began. */
export function recordedCalls({ known }: Pick<Evidence, "known">): Call[] {
  const calls = new Map<string, Call>();
  for (const deed of known.deeds) {
    const { sent, ended = Infinity } = deed;
    const id = deed.sentBy?.id ?? deed.id;
    const call = calls.get(id) ?? { sent, ended: 0, deeds: [] };
    calls.set(id, { ...call, ended: Math.max(call.ended, ended), deeds: [...call.deeds, deed] });
  }
  const reads = known.reads.map((read) => ({
    sent: read.sent,
    ended: read.ended,
    deeds: [],
    read,
  }));
  return [...calls.values(), ...reads].toSorted((a, b) => a.sent - b.sent);
}

/**
 * What a client decides to make the same call again.
 * @param translate gives a request as it is to be made now
 */
export function planOf(
  { deeds, read }: Call,
  translate: (request: Args, deed?: Deed) => Args,
): Plan {
  if (read) return { kind: "read", call: [read.does, translate(read.request)] };
  const fresh = deeds.map((deed) => deedOf(deed.does, translate(deed.request, deed), deed.id));
  const requests = fresh.map(({ request }) => request);
  for (const [n, { mustBe, amid }] of deeds.entries())
    Object.assign(fresh[n]!, mustBe && { mustBe }, amid && { amid: requests });
  const [{ does, request }] = fresh as [Deed];
  const { sentBy } = deeds[0]!;
  if (!sentBy) return { kind: "call", call: [does, request], deeds: fresh };
  if ("isolation" in sentBy) return { kind: "several", deeds: fresh, ...sentBy };
  const transactions = requests.map(({ ledger: _ledger, ...member }) => member);
  const { atomic } = sentBy;
  if (sentBy.does === "create_transactions") for (const deed of fresh) deed.way = "batch";
  const args: Args = { ledger: request["ledger"], transactions, atomic };
  return { kind: "call", call: [sentBy.does, args], deeds: fresh };
}
