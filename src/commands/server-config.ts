import { isLoopback, type Reader } from "../config.ts";
import type { ServerFlags } from "./options.ts";

/** RFC 7518, 3.2: a key for HS256 has at least as many bits as its hash. */
const SHORTEST_SECRET = 32;

/** The server's settings, checked. Without `jwt` every caller is trusted, and `host` is loopback. */
export type ServerConfig = {
  host: string;
  port: number;
  jwt?: { secret?: string; jwksUrl?: string; audience?: string; issuer?: string };
  trustProxy?: string[];
};

/** Reads the server's flags; what is wrong goes to the reader. One that is empty, as in a composition, is not given. */
export function readServerConfig(reader: Reader, flags: ServerFlags): ServerConfig {
  const { host } = flags;
  const port = reader.port("--port", flags.port);
  const secret = flags.jwtSecret || undefined;
  const audience = flags.jwtAudience || undefined;
  const issuer = flags.jwtIssuer || undefined;
  const jwksUrl = reader.keysUrl("--jwks-url", flags.jwksUrl || undefined);
  const trustProxy = reader.networks("--trust-proxy", flags.trustProxy || undefined);
  if (secret !== undefined && jwksUrl !== undefined) {
    reader.refuse("give --jwt-secret or --jwks-url, not both");
  }
  if (secret !== undefined && Buffer.byteLength(secret) < SHORTEST_SECRET) {
    reader.refuse(`--jwt-secret must have at least ${SHORTEST_SECRET} bytes`);
  }
  if (secret !== undefined || jwksUrl !== undefined) {
    return { host, port, jwt: { secret, jwksUrl, audience, issuer }, trustProxy };
  }
  if (audience !== undefined || issuer !== undefined || trustProxy !== undefined) {
    reader.refuse("--jwt-audience, --jwt-issuer and --trust-proxy need --jwt-secret or --jwks-url");
  }
  if (!isLoopback(host)) {
    reader.refuse(
      `without --jwt-secret or --jwks-url anyone who reaches the server may do anything: ` +
        `it then listens on 127.0.0.1 only, not on ${host}`,
    );
  }
  return { host, port };
}
