/** A row of an answer, columns named as in SQL; numbers of money and versions are strings. */
export type Row = Record<string, any>;

/** Arguments of a function of the contract by their names in SQL; undefined ones are left out. */
export type Args = Record<string, any>;

/** What came of one attempt at a call. */
export type Outcome =
  | { is: "answered"; rows: Row[] }
  /** Nothing was kept, and the same call would be refused again. */
  | { is: "refused"; code: string; detail: unknown }
  /** Nothing was kept; the same call may be made again. */
  | { is: "busy"; code: string }
  /** The answer was lost: nobody knows whether anything was kept. */
  | { is: "lost"; code: string };

/** A way into the ledger. */
export type Door = {
  kind: "sql" | "graphql";
  /** Makes one call, in a database transaction of its own. Never throws. */
  call(name: string, args: Args): Promise<Outcome>;
  /** Gives up its connection, if it has one. */
  close(): Promise<void>;
};

/** What an error says about its call: the table at the end of the contract. */
export function judgeError(code: string | undefined, detail: unknown): Outcome {
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return { is: "lost", code: code ?? "?" };
  if (/^(40001|40P01|55P03|57014|25006|53300|53400|LDQUE|57P03|08001)$/.test(code)) {
    return { is: "busy", code };
  }
  if (/^(08|57P|40003)/.test(code)) return { is: "lost", code };
  return { is: "refused", code, detail };
}
