/** How exports are laid out; another layout gets another number. */
export const FORMAT = { format: "daybook-export", version: 1 } as const;

/** The files of an export beside its manifest. */
export const FILES = ["rows.ndjson", "log.ndjson"] as const;
export type FileName = (typeof FILES)[number];

export type FileFacts = { bytes: number; lines: number; sha256: string };

/** The last link of the log's chain. */
export type Head = { no: number; hash: string };

/** `manifest.json`: what an export is, and how to tell that it is whole. */
export type Manifest = typeof FORMAT & {
  /** Version of the program that wrote it. */
  product: string;
  ledger: string;
  created_at: string;
  exported_at: string;
  /** How many of each are in rows.ndjson. */
  rows: Record<string, number>;
  /** Null as long as nothing was sealed. */
  head: Head | null;
  /** Accepted but not yet applied, and so not in here. */
  waiting: number;
  files: Record<FileName, FileFacts>;
};

/** What is in an export, in words. */
export function tellExport({ rows, head }: Pick<Manifest, "rows" | "head">): string {
  return (
    `${rows["transaction"] ?? 0} transactions of ${rows["account"] ?? 0} accounts\n` +
    (head ? `log sealed up to ${head.no}, head ${head.hash}\n` : "nothing of the log is sealed\n")
  );
}
