import {
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyOptions,
} from "jose";

/** Group roles that a token may name. */
export const ROLES = ["daybook_reader", "daybook_writer", "daybook_admin", "daybook_auditor"];

/** How tokens are checked. With neither key nobody is. */
export type JwtOptions = { secret?: string; jwksUrl?: string; audience?: string; issuer?: string };

/**
 * As whom a request acts: the role it takes, the ledgers it may use (`*` for all), the categories of other ledgers
 * that it may read (`ledger/category`), and for whom.
 */
export type Identity = { role: string; ledgers: string[]; categories: string[]; subject: string };

/** Why a request is turned away before anything is executed. */
export class AuthenticationError extends Error {
  override name = "AuthenticationError";
  readonly status: 401 | 503;
  readonly code: string;
  constructor(message: string, status: 401 | 503 = 401) {
    super(message);
    this.status = status;
    this.code = status === 401 ? "UNAUTHENTICATED" : "AUTHENTICATION_UNAVAILABLE";
  }
}

/** Public keys come from a URL, so what a thief could make up with them is left out: no HMAC, no `none`. */
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].concat([
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]);

/**
 * Makes the check of a request's `authorization` header.
 * @returns undefined if no key is configured
 */
export function makeAuthenticator(
  jwt: JwtOptions | undefined,
): ((header: string | undefined) => Promise<Identity>) | undefined {
  const verify = jwt && makeVerifier(jwt);
  if (!verify) return undefined;
  return async (header) => {
    const token = /^bearer +([\w.~+/=-]+) *$/i.exec(header ?? "")?.[1];
    if (!token) throw new AuthenticationError("a token is needed: authorization: Bearer <token>");
    return identify(await verify(token).catch(translate));
  };
}

function makeVerifier(jwt: JwtOptions): ((token: string) => Promise<JWTPayload>) | undefined {
  const { secret, jwksUrl, audience, issuer } = jwt;
  const options: JWTVerifyOptions = { ...(audience && { audience }), ...(issuer && { issuer }) };
  if (secret) {
    const key = new TextEncoder().encode(secret);
    const checks = { ...options, algorithms: ["HS256"] };
    return async (token) => (await jwtVerify(token, key, checks)).payload;
  }
  if (jwksUrl) {
    const keys = createRemoteJWKSet(new URL(jwksUrl));
    const checks = { ...options, algorithms: ASYMMETRIC };
    return async (token) => (await jwtVerify(token, keys, checks)).payload;
  }
  return undefined;
}

function translate(error: unknown): never {
  const isKeyServer =
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error.code === "ERR_JOSE_GENERIC"; // an answer other than 200
  if (isKeyServer) throw new AuthenticationError("the keys for tokens cannot be fetched", 503);
  throw new AuthenticationError(`the token is not accepted: ${error.message}`);
}

function identify(claims: JWTPayload): Identity {
  const { role = "daybook_reader", ledgers = [], categories = [], sub = "" } = claims;
  if (typeof role !== "string" || !ROLES.includes(role)) {
    throw new AuthenticationError(`the token's claim role must be one of ${ROLES.join(", ")}`);
  }
  const names = ledgers === "*" ? ["*"] : ledgers;
  // Names travel joined by commas, so nothing but a name may pass.
  if (!Array.isArray(names) || !names.every(isLedgerName)) {
    throw new AuthenticationError('the token\'s claim ledgers must be an array of names, or "*"');
  }
  if (!Array.isArray(categories) || !categories.every(isCategoryName)) {
    throw new AuthenticationError(
      'the token\'s claim categories must be an array of names such as "main/customers:eu"',
    );
  }
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  if (typeof sub !== "string" || sub.length > 255 || /[\u0000-\u001f\u007f]/.test(sub)) {
    throw new AuthenticationError("the token's claim sub must be at most 255 plain characters");
  }
  return { role, ledgers: names, categories, subject: sub };
}

function isLedgerName(name: unknown): boolean {
  return typeof name === "string" && (name === "*" || /^[0-9A-Za-z_-]{1,63}$/.test(name));
}

function isCategoryName(name: unknown): boolean {
  return (
    typeof name === "string" &&
    name.length <= 319 &&
    /^[0-9A-Za-z_-]{1,63}\/[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*$/.test(name)
  );
}
