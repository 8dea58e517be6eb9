/** What an error is called, on one line, for a person: never empty, never a stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  // Node reports a refused connection to several addresses as an AggregateError without a message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = error.message || (first instanceof Error ? first.message : error.name);
  const { detail, hint } = error as { detail?: unknown; hint?: unknown };
  const parts = [message, detail, hint].filter((part) => typeof part === "string" && part !== "");
  return oneLine(parts.join(" - "));
}

/** SQLSTATE of a database error or code of a system error, or undefined. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}
