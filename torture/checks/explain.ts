import { isDeepStrictEqual } from "node:util";
import type { Deed } from "../clients/deed.ts";
import type { Args } from "../doors/door.ts";
import type { Aspect } from "./aspects.ts";
import type { Event } from "./kept.ts";

/** One attempt to set something, between two moments of the clients' clock. Whether it came through is sure, or not. */
export type Call = {
  deed: Deed;
  does: string;
  args: Args;
  isSure: boolean;
  sent: number;
  ended: number;
};

/** What cannot be explained, where the search came furthest; and ids of deeds. */
export type Failure = { what: string; about: string[] };

/** A call, and after how many records of the log it came. */
type Place = { call: Call; at: number };

/** So many ways are tried. The first is right if any is, but for the rarest coincidences. */
const TRIES = 20_000;

/**
 * Looks for an order of the calls about one subject that explains what the log says of it: each call came at some moment
 * between its question and its answer, all that were acknowledged came, of others any; each made its record in the log, in
 * the log's order, or came where it changed nothing and leaves none. Gives what cannot be explained.
 */
export function explain(
  { changes, silent, asked }: Aspect,
  calls: Call[],
  events: Event[],
  first: unknown,
): Failure | undefined {
  const states = statesOf(changes, events, first);
  let [tries, furthest] = [0, -1];
  let failure: Failure = { what: "", about: [] };
  const fails = (at: number, what: string, some: Call[]): false => {
    if (at > furthest) {
      furthest = at;
      failure = { what, about: [...new Set(some.map(({ deed }) => deed.id))] };
    }
    return false;
  };
  /** Places calls that left no record, none later than at a point, each as early as it can be after those before it. */
  const settle = (some: Call[], placed: Place[], latest: number): Place[] | undefined => {
    const all = [...placed];
    for (const call of some.toSorted((a, b) => a.sent - b.sent)) {
      const earlier = all.filter((one) => one.call.ended < call.sent);
      const from = Math.max(0, ...earlier.map(({ at }) => at));
      const at = states.findIndex(
        (state, n) =>
          n >= from &&
          n <= latest &&
          silent.includes(call.does) &&
          isDeepStrictEqual(changes[call.does]!(state, call.args), state),
      );
      if (at < 0) return undefined;
      all.push({ call, at });
    }
    return all;
  };
  const follow = (left: Call[], placed: Place[], at: number): boolean => {
    const event = events[at];
    if (!event) {
      const rest = left.filter(({ isSure }) => isSure);
      return (
        settle(rest, placed, at) !== undefined ||
        fails(at, "acknowledged, and not in the log", rest)
      );
    }
    const matching = left.filter(
      ({ does, args }) => does === event.kind && isDeepStrictEqual(asked(args), asked(event.args)),
    );
    if (silent.includes(event.kind) && isDeepStrictEqual(states[at], states[at + 1]))
      return fails(at, `the log says ${event.kind}, which changed nothing`, matching);
    for (const call of matching) {
      const before = left.filter((one) => one.isSure && one.ended < call.sent);
      const settled = settle(before, placed, at);
      if (!settled || ++tries > TRIES) continue;
      const rest = left.filter((one) => one !== call && !before.includes(one));
      if (follow(rest, [...settled, { call, at: at + 1 }], at + 1)) return true;
    }
    const told = `the log says ${event.kind} ${JSON.stringify(event.args)}, which nobody can have done then`;
    return fails(at, told, matching.length > 0 ? matching : left.slice(0, 5));
  };
  // Who ended first comes first: of calls that ask the same, the others can wait longer for their place.
  return follow(
    calls.toSorted((a, b) => a.ended - b.ended),
    [],
    0,
  )
    ? undefined
    : failure;
}

/** What was so at first, and after each record of the log. */
export function statesOf(changes: Aspect["changes"], events: Event[], first: unknown): unknown[] {
  const states = [first];
  for (const { kind, args } of events) states.push(changes[kind]!(states.at(-1), args));
  return states;
}
