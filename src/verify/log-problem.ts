/** What daybook.verify_log found; all null if it found nothing. */
export type LogProblem = {
  problem: string | null;
  no: string | null;
  log_id: string | null;
  detail: Record<string, unknown> | null;
};

/** A finding as a sentence, with the figures. */
export function inWords({ problem, no, log_id, detail }: LogProblem): string {
  const record = no === null ? `record ${log_id}` : `record ${no} (${log_id})`;
  const block = `block ${detail?.["block"]}`;
  const facts = JSON.stringify(detail);
  switch (problem) {
    case "block_missing":
      return `${block} of the chain is missing: what was sealed from number ${no} on`;
    case "chain_broken":
      return `${block} does not continue the block before it: ${facts}`;
    case "seal_missing":
      return `number ${no} is missing in ${block}`;
    case "block_changed":
      return `${block}, numbers ${detail?.["first_no"]} to ${no}, is not what was sealed: ${facts}`;
    case "record_missing":
      return `${record} is gone`;
    case "record_changed":
      return `${record}, or what it wrote, was changed since it was sealed: ${facts}`;
    case "state_differs":
      return log_id === null
        ? `something in the books was never recorded: ${facts}`
        : `the books are not what ${record} says: ${facts}`;
    case "head_differs":
      return `the log does not end where its head says: ${facts}`;
    case "record_unsealed":
      return `${record} was never sealed: ${facts}`;
    default:
      return `${problem}: ${record}, ${facts}`;
  }
}
