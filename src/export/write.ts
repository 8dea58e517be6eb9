import { createHash } from "node:crypto";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FileFacts } from "./manifest.ts";

/** Writes to standard output and leaves it open. */
export async function writeToStdout(pieces: AsyncIterable<string>): Promise<void> {
  await pipeline(Readable.from(pieces), process.stdout, { end: false });
}

/**
 * Makes a file or folder that gets its name when it is complete: there is never half of one.
 * @param make makes it under another name
 */
export async function makeWhole<T>(
  path: string,
  make: (partial: string) => Promise<T>,
): Promise<T> {
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  try {
    const made = await make(partial);
    renameSync(partial, path);
    return made;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

export async function writeFile(path: string, pieces: AsyncIterable<string>): Promise<void> {
  await pipeline(Readable.from(pieces, { highWaterMark: 1 }), createWriteStream(path));
}

/** Writes lines, and tells by what the file can be recognised. */
export async function writeLines(
  path: string,
  portions: AsyncIterable<string[]>,
): Promise<FileFacts> {
  const hash = createHash("sha256");
  let [bytes, lines] = [0, 0];
  async function* pieces() {
    for await (const portion of portions) {
      const piece = Buffer.from(portion.map((line) => `${line}\n`).join(""));
      hash.update(piece);
      bytes += piece.length;
      lines += portion.length;
      yield piece;
    }
  }
  await pipeline(
    Readable.from(pieces(), { highWaterMark: 1 }),
    createWriteStream(path, { flush: true }),
  );
  return { bytes, lines, sha256: hash.digest("hex") };
}
