import { PgSelectStep, PgUnionAllStep } from "postgraphile/@dataplan/pg";
import type { OperationPlan } from "postgraphile/grafast";

const counts = new WeakMap<OperationPlan, number>();

/** How many SQL statements an operation runs, those left out by `@skip` counted. */
export function countStatements(plan: OperationPlan): number {
  let count = counts.get(plan);
  if (count === undefined) {
    const selects = [...plan.getStepsByStepClass(PgSelectStep)];
    const unions = [...plan.getStepsByStepClass(PgUnionAllStep)];
    count = selects.length + unions.length;
    counts.set(plan, count);
  }
  return count;
}
