import { expect, test } from "@jest/globals";
import type { ClientBase } from "pg";
import { checkVersion } from "../../src/migrate/check-version.ts";

const serverOf = (number: number, name: string) =>
  ({ query: async () => ({ rows: [{ number, name }] }) }) as unknown as ClientBase;

test.each([
  [180000, "18.0"],
  [180004, "18.4"],
  [190001, "19.1"],
])("accepts a server of version %i", async (number, name) => {
  await checkVersion(serverOf(number, name));
});

test.each([
  [170009, "17.9"],
  [150018, "15.18 (Debian 15.18-0+deb12u1)"],
])("refuses a server of version %i and names both versions", async (number, name) => {
  await expect(checkVersion(serverOf(number, name))).rejects.toThrow(
    `Daybook needs PostgreSQL 18 or newer, this server is ${name}`,
  );
});
