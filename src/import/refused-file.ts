import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { Place } from "./carry-out.ts";
import type { Refusal } from "./parse.ts";

/** The file of the refused lines, one JSON object each. There is none as long as nothing was refused. */
export type RefusedFile = {
  write(place: Place, refusal: Refusal, input: string): void;
  close(): void;
};

/** Begins a new file; that of an earlier run is removed. */
export function openRefusedFile(path: string): RefusedFile {
  rmSync(path, { force: true });
  let descriptor: number | undefined;
  return {
    write({ line, file }, { code, message, detail = null }, input) {
      descriptor ??= openSync(path, "w");
      const record = { file, line, error_code: code, message, detail, input };
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}
