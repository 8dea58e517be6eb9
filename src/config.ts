import { isIP } from "node:net";
import { serversOf } from "./database-url.ts";
import { parseNetwork } from "./server/client-address.ts";

/** What is wrong with flags and environment, all of it at once. The program ends with exit code 2. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** Reads settings one by one, remembers what is wrong, and complains once about everything. */
export type Reader = {
  /** A postgres:// URL that names a database, on one server or several. */
  databaseUrl(value: string | undefined): string;
  /** A TCP port, 0 meaning any free one. */
  port(name: string, value: string): number;
  /** A whole number from 1 on. */
  positive(name: string, value: string): number;
  /** An https URL, if given; http only of this machine, for on the way anybody could put in other keys. */
  keysUrl(name: string, value: string | undefined): string | undefined;
  /** Addresses and networks (CIDR) with commas between, if given. */
  networks(name: string, value: string | undefined): string[] | undefined;
  /** Notes a mistake that concerns several settings. */
  refuse(problem: string): void;
  /** @throws ConfigError if anything was wrong */
  finish(): void;
};

/** A reader of one command's configuration: read every setting, then `finish()`. */
export function configReader(): Reader {
  const problems: string[] = [];
  const refuse = (problem: string) => void problems.push(problem);
  return {
    databaseUrl(value) {
      const problem = databaseUrlProblem(value);
      if (problem) refuse(problem);
      return value ?? "";
    },
    port(name, value) {
      if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
        refuse(`${name} must be a port from 0 to 65535, not "${value}"`);
      }
      return Number(value);
    },
    positive(name, value) {
      if (!/^[1-9]\d{0,5}$/.test(value)) {
        refuse(`${name} must be a whole number from 1 on, not "${value}"`);
      }
      return Number(value);
    },
    keysUrl(name, value) {
      const { protocol, hostname = "" } = URL.parse(value ?? "") ?? {};
      const isNear = isLoopback(hostname.replace(/^\[|\]$/g, ""));
      if (value !== undefined && protocol !== "https:" && !(protocol === "http:" && isNear)) {
        refuse(`${name} must be a URL that starts with https://, or http:// on this machine`);
      }
      return value;
    },
    networks(name, value) {
      const networks = value?.split(",").map((text) => text.trim());
      for (const text of networks ?? []) {
        if (!parseNetwork(text)) {
          refuse(`${name} must be addresses or networks such as 10.0.0.0/8, not "${text}"`);
        }
      }
      return networks;
    },
    refuse,
    finish() {
      if (problems.length > 0) throw new ConfigError(problems.join("; "));
    },
  };
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

/** Never quotes the value: it may hold a password. */
function databaseUrlProblem(value: string | undefined): string | undefined {
  if (!value) return "no database given: set DATABASE_URL or pass --database-url";
  for (const server of serversOf(value)) {
    const url = URL.parse(server);
    if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
      return "the database URL must look like postgres://user:password@host:5432/database";
    }
    if (url.pathname.length < 2) return "the database URL must end with the name of a database";
  }
  return undefined;
}
