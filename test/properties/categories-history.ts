import { expect } from "@jest/globals";
import { change } from "../support/categories.ts";
import { changeMembers, createCategory } from "./categories.ts";
import { traces, type History } from "./compare.ts";
import type { Model } from "./model.ts";
import type { Categories } from "./other-operations.ts";

export const isCategories = (operation: { does: string }): operation is Categories =>
  ["create_category", "add_to", "remove_from"].includes(operation.does);

const told = ({ categories }: Model) => JSON.stringify([...categories]);

/** Makes a category, or changes what one contains; twice, the second time nothing happens. */
export async function carryOutCategories(history: History, operation: Categories): Promise<void> {
  const { client, ledger, model } = history;
  const { does, category } = operation;
  const draft = structuredClone(model);
  const code =
    does === "create_category"
      ? createCategory(draft, category, operation.currency, operation.normal)
      : changeMembers(draft, does, category, operation.member);
  const statement =
    does === "create_category"
      ? {
          text: "select 'ok' as status from daybook.create_category($1, $2, $3, $4)",
          values: [ledger, category, operation.currency, operation.normal],
        }
      : change(does, ledger, category, operation.member);
  const except: Record<string, string> =
    code === null ? { "daybook_private.category_graphs": "counts what changes nothing too" } : {};
  let isChange = code === null && told(draft) !== told(model);
  for (let times = 0; times < 2; times++) {
    const before = await traces(history, except);
    const actual = await client.query(statement).then(
      () => null,
      (error) => error.code,
    );
    expect(actual).toBe(code);
    expect((await traces(history, except)) === before).toBe(!isChange);
    isChange = false;
  }
  if (code === null) model.categories = draft.categories;
}
