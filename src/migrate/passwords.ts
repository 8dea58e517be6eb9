import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { Client } from "../client.ts";

const ITERATIONS = 4096; // PostgreSQL's own default, scram_iterations

/** Passwords of the two roles that log in; what is left out stays as it is. */
export type LoginPasswords = { authenticator?: string; worker?: string };

/** Sets passwords. The server gets verifiers only, so that no log of its statements shows a password. */
export async function setPasswords(client: ClientBase, passwords: LoginPasswords): Promise<void> {
  for (const [login, password] of Object.entries(passwords)) {
    if (password === undefined) continue;
    const verifier = client.escapeLiteral(scramVerifier(password));
    await client.query(`alter role daybook_${login} with password ${verifier}`);
  }
}

/**
 * Whether a role has a password that somebody may use. Only a superuser sees; to others each role that exists has one.
 */
export async function hasPassword(connectionString: string, role: string): Promise<boolean> {
  const client = new Client({ connectionString });
  try {
    await client.connect();
    const { rows } = await client.query<{ isSeen: boolean }>(
      `select has_table_privilege('pg_catalog.pg_authid', 'select') as "isSeen"
         from pg_catalog.pg_roles where rolname = $1`,
      [role],
    );
    if (!rows[0]?.isSeen) return rows.length > 0;
    const found = await client.query(
      "select from pg_catalog.pg_authid where rolname = $1 and rolpassword is not null",
      [role],
    );
    return found.rowCount! > 0;
  } finally {
    await client.end();
  }
}

/** What PostgreSQL stores for a password under scram-sha-256 (RFC 5803). */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const server = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${stored}:${server}`;
}
