import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { FILES, type Manifest } from "../export/manifest.ts";

/**
 * Compares the files of an export with its manifest, before anything is made of them.
 * @throws Error naming the file that differs
 */
export async function checkFiles(folder: string, { files }: Manifest): Promise<void> {
  for (const name of FILES) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer);
    if (hash.digest("hex") !== files[name].sha256) {
      throw new Error(
        `${name} is not the file that was exported: its SHA-256 is not the manifest's`,
      );
    }
  }
}
