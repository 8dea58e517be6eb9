import { createHash } from "node:crypto";

/**
 * Makes the idempotency key of each line that brings none: of the name of the import, what the line says, and
 * how many lines before it said the same. So the same file again gives the same keys, a line that is corrected,
 * added or removed changes no other line's key, and two equal lines of one file are two transactions.
 * It remembers a hash for each line that it was asked for.
 * @param name at most 150 characters, so that the key stays below 255
 */
export function keyMaker(name: string): (line: Buffer) => string {
  // One Map holds at most 2^24 entries.
  const seen = Array.from({ length: 256 }, () => new Map<string, number>());
  return (line) => {
    const digest = createHash("sha256").update(line).digest();
    const hash = digest.toString("latin1", 0, 16);
    const shard = seen[digest[0]!]!;
    const occurrence = (shard.get(hash) ?? 0) + 1;
    shard.set(hash, occurrence);
    return `import:${name}:${digest.toString("hex")}:${occurrence}`;
  };
}
