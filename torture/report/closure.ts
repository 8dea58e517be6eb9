import type { History, Places, Unit } from "./units.ts";

/** Gives units, and all that have to stay or to go with them. */
type Closure = (some: Iterable<Unit>) => Set<Unit>;

/**
 * What goes with what goes, so that what is left is a history that could have been: who needs it; and what is wrong with a balance, if it may have been
 * counted there. Or something would look wrong only for what was left out.
 */
export function goingWith({ units, accounts }: History): Closure {
  const needing = indexed(units, ({ needs }) => needs);
  const seeing = indexed(units, ({ sees }) => sees.keys());
  return closed((unit) => [
    ...[...unit.makes].flatMap((name) => needing.get(name) ?? []),
    ...[...unit.moves].flatMap((name) =>
      (seeing.get(name) ?? []).filter((one) =>
        mayCount(one, unit, accounts.get(name)!, one.sees.get(name)!),
      ),
    ),
  ]);
}

/** What stays with what stays: all with which it would go. */
export function stayingWith({ units, accounts }: History): Closure {
  const making = indexed(units, ({ makes }) => makes);
  return closed((unit) => [
    ...[...unit.needs].flatMap((name) => making.get(name) ?? []),
    ...[...unit.sees].flatMap(([name, from]) => countedBy(unit, name, accounts, from)),
  ]);
}

/** What some units may have counted, whether something is wrong with them or not. */
export const allSeenBy = ({ accounts }: History, some: Unit[]): Unit[] =>
  some.flatMap((unit) => [...unit.saw].flatMap((name) => countedBy(unit, name, accounts, 0)));

function countedBy(unit: Unit, name: string, accounts: History["accounts"], from: number): Unit[] {
  const places: Places = accounts.get(name) ?? new Map();
  return [...places.keys()].filter((one) => mayCount(unit, one, places, from));
}

/** Whether who saw an account may have counted there what another one wrote: it began before he had his answer, or has a place below his own. */
function mayCount(seer: Unit, writer: Unit, places: Places, from: number): boolean {
  const { last } = places.get(writer)!;
  const own = places.get(seer)?.last ?? -1;
  return last >= from && (last < own || writer.at < seer.until);
}

const closed =
  (next: (unit: Unit) => Unit[]): Closure =>
  (some) => {
    const all = new Set(some);
    for (const unit of all) for (const one of next(unit)) all.add(one);
    return all;
  };

function indexed(units: Unit[], names: (unit: Unit) => Iterable<string>): Map<string, Unit[]> {
  const index = new Map<string, Unit[]>();
  for (const unit of units) {
    for (const name of names(unit)) {
      const some = index.get(name);
      if (some) some.push(unit);
      else index.set(name, [unit]);
    }
  }
  return index;
}
