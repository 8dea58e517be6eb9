import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { ClientBase } from "pg";

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

/** What PostgreSQL stores for a password under scram-sha-256 (RFC 5803). */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const server = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${stored}:${server}`;
}
