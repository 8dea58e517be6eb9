import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { Place } from "./carry-out.ts";
import type { Refusal } from "./parse.ts";

/** The file of the refused lines, one JSON object each. There is none as long as nothing was refused. */
export type RefusedFile = {
  /** Removes that of an earlier run: only when this one can go on, or the report is lost for nothing. */
  begin(): void;
  write(place: Place, refusal: Refusal, input: string): void;
  close(): void;
};

/** @param path nothing is there before `begin()` and a line that is refused, unless it was there already */
export function openRefusedFile(path: string): RefusedFile {
  let descriptor: number | undefined;
  return {
    begin() {
      rmSync(path, { force: true });
    },
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
