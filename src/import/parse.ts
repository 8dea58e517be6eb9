import type { Line } from "./lines.ts";
import { LINE_BYTES_MAX } from "./lines.ts";
import { findMisfit, type Misfit, type Shapes } from "./shape.ts";

/** Why something was refused, as it goes into the file of the refused. */
export type Refusal = { code: string; message: string; detail?: object | undefined };

/** What a line asks for. Its text goes to PostgreSQL as it is: JavaScript would round its numbers. */
export type Request =
  | { kind: "transaction"; text: string; hasKey: boolean; entries: number }
  | { kind: "accounts"; text: string }
  | { kind: "nothing" }
  | { kind: "refused"; text: string; refusal: Refusal };

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a line of transactions: a transaction, `{"accounts": [...]}`, or nothing. */
export function parseLine(line: Line, shapes: Shapes): Request {
  return parse(line, (value, text) => {
    if (isHeader(value)) return accountsOf(value.accounts, text, shapes);
    const misfit = findMisfit(shapes, "transaction_input", value);
    if (misfit) return refused(text, ofMisfit(misfit));
    const { idempotency_key: key = null, entries } = value as {
      idempotency_key?: unknown;
      entries?: unknown[] | null;
    };
    return { kind: "transaction", text, hasKey: key !== null, entries: entries?.length ?? 0 };
  });
}

/** Reads a line of a file of accounts: an account, `{"accounts": [...]}`, or nothing. */
export function parseAccountLine(line: Line, shapes: Shapes): Request {
  return parse(line, (value, text) =>
    isHeader(value)
      ? accountsOf(value.accounts, text, shapes)
      : accountsOf([value], `{"accounts": [${text}]}`, shapes),
  );
}

function parse(line: Line, read: (value: object, text: string) => Request): Request {
  if (line.tooLong) {
    return malformed(line, `the line is longer than ${LINE_BYTES_MAX} bytes`);
  }
  let text: string;
  try {
    text = strict.decode(line.bytes);
  } catch {
    return malformed(line, "the line is not UTF-8");
  }
  if (text.trim() === "") return { kind: "nothing" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed(line, `the line is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed(line, "the line is JSON, but no object");
  }
  return read(value, text);
}

function isHeader(value: object): value is { accounts: unknown } {
  return "accounts" in value && Object.keys(value).length === 1;
}

function accountsOf(accounts: unknown, text: string, shapes: Shapes): Request {
  if (!Array.isArray(accounts)) {
    return refused(text, ofMisfit({ argument: "accounts", message: "must be an array" }));
  }
  for (const [index, account] of accounts.entries()) {
    const misfit =
      account === null
        ? { argument: "", message: "must be an object" }
        : findMisfit(shapes, "account_input", account);
    if (!misfit) continue;
    const argument = [`accounts[${index + 1}]`, misfit.argument].filter(Boolean).join(".");
    return refused(text, ofMisfit({ ...misfit, argument }));
  }
  return { kind: "accounts", text };
}

function malformed({ bytes }: Line, message: string): Request {
  return refused(bytes.toString("utf8"), { code: "LDARG", message });
}

function ofMisfit({ argument, message }: Misfit): Refusal {
  return { code: "LDARG", message: `${argument}: ${message}`, detail: { argument } };
}

function refused(text: string, refusal: Refusal): Request {
  return { kind: "refused", text, refusal };
}
