import { afterAll, expect, test } from "@jest/globals";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startProgram } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

test("when a process started is told alike in every zone and language", async () => {
  // Says in which zone and language it was asked, where the true one would write its time so.
  writeFileSync(join(folder.path, "ps"), '#!/bin/sh\necho "$TZ $LC_ALL $*"\n', { mode: 0o755 });
  const { stdout } = await startProgram(join(import.meta.dirname, "started.ts"), [], {
    PATH: `${folder.path}:${process.env["PATH"]}`,
    TZ: "Asia/Tokyo",
    LC_ALL: "cs_CZ.UTF-8",
  }).ended;
  expect(stdout).toBe("UTC C -o lstart= -p 1");
});
