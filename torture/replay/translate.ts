import type { Evidence } from "../checks/evidence.ts";
import type { Deed } from "../clients/deed.ts";
import type { Args } from "../doors/door.ts";

const DAY = 86_400_000;

/** Times further from when they were named are meant as such: they say nothing of when the call is made. */
const NEAR = 4 * DAY;
const TIMES = ["effective_at", "expires_at"];

/** What names something that the ledger made, in requests and answers. */
const IDS = ["transaction_id", "receipt_id"];

type Translator = {
  /** A request as it is to be made now. */
  translate(request: Args, deed?: Deed): Args;
  /** Whether all that a request names was made this time too. */
  isKnown(request: Args): boolean;
  /** What a deed made then is what it made now. */
  learn(then: Deed, now: Deed): void;
};

/**
 * Ids of what the ledger made are those that it gives now; when a deed is to take effect or expire is as far away as it was, if that was near; and each
 * role is one that is there.
 * @param role who is granted what anybody was granted
 */
export function newTranslator({ here, abroad }: Evidence, role: string): Translator {
  const rows = [here, abroad].flatMap(({ transactions }) => transactions);
  const made = new Set<unknown>(rows.map(({ id }) => id));
  const ids = new Map<unknown, unknown>();
  const now = Date.now();
  return {
    isKnown: (request) =>
      IDS.map((name) => request[name]).every((id) => !made.has(id) || ids.has(id)),
    translate: (request, deed) =>
      Object.fromEntries(
        Object.entries(request).map(([name, value]) => {
          if (name === "role") return [name, role];
          if (TIMES.includes(name)) return [name, moved(value, deed?.sentAt ?? now)];
          return [name, ids.get(value) ?? value];
        }),
      ),
    learn(then, fresh) {
      for (const name of IDS) {
        const [old, current] = [then.answer?.[name], fresh.answer?.[name]];
        if (old) made.add(old);
        if (old && current) ids.set(old, current);
      }
    },
  };
}

/** A time as far from now as it was from when it was named. */
function moved(value: unknown, sentAt: number): unknown {
  const later = Date.parse(String(value)) - sentAt;
  return Math.abs(later) < NEAR ? new Date(Date.now() + later).toISOString() : value;
}
