import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FILES, FORMAT, type Manifest } from "../export/manifest.ts";

/** Whether a path can only be what `daybook export` makes. */
export function isExport(path: string): boolean {
  return path !== "-" && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** @throws Error if it is none that this program understands */
export function readManifest(folder: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Partial<Manifest>;
  } catch (cause) {
    throw new Error(`${folder} is not an export: its manifest.json cannot be read`, { cause });
  }
  const { format, version, product, ledger, created_at, files } = manifest ?? {};
  if (format !== FORMAT.format) throw new Error("manifest.json is not of an export");
  if (version !== FORMAT.version) {
    throw new Error(
      `the export has version ${version} of the format, written by daybook ${product}; this program reads version ${FORMAT.version}`,
    );
  }
  if (
    typeof ledger !== "string" ||
    typeof created_at !== "string" ||
    !FILES.every((f) => files?.[f])
  ) {
    throw new Error("manifest.json is not complete");
  }
  return manifest as Manifest;
}
