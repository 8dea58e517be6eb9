import { Option } from "commander";
import { DEFAULT_RETENTION, type Retention } from "../worker/retention.ts";

/** `--database-url`, which most commands have. */
export function databaseUrlOption(): Option {
  return new Option("-d, --database-url <url>", "the database, postgres://…").env("DATABASE_URL");
}

/** The flags of the GraphQL server, as given: strings, not yet checked. */
export type ServerFlags = {
  host: string;
  port: string;
  jwtSecret?: string;
  jwksUrl?: string;
  jwtAudience?: string;
  jwtIssuer?: string;
  trustProxy?: string;
};

/** Where the server listens and whose tokens it believes. */
export function serverOptions(): Option[] {
  return [
    new Option("--host <address>", "address to listen on").env("DAYBOOK_HOST").default("127.0.0.1"),
    new Option("-p, --port <port>", "port to listen on, 0 for any").env("PORT").default("5678"),
    new Option(
      "--jwt-secret <secret>",
      "key of HMAC-signed tokens; better in the environment, for everybody on the machine sees command lines",
    ).env("DAYBOOK_JWT_SECRET"),
    new Option("--jwks-url <url>", "public keys of signed tokens").env("DAYBOOK_JWKS_URL"),
    new Option("--jwt-audience <name>", "`aud` that tokens must carry").env("DAYBOOK_JWT_AUDIENCE"),
    new Option("--jwt-issuer <name>", "`iss` that tokens must carry").env("DAYBOOK_JWT_ISSUER"),
    new Option(
      "--trust-proxy <addresses>",
      "proxies that are believed when they say whom a request comes from: addresses and networks, 10.0.0.0/8, with commas between",
    ).env("DAYBOOK_TRUST_PROXY"),
  ];
}

/** The flags of the worker, as given: strings, which PostgreSQL reads. */
export type RetentionFlags = { keyRetention: string; receiptRetention: string };

/** How long the worker keeps what is there for retries. */
export function retentionOptions(): Option[] {
  return [
    new Option(
      "--key-retention <interval>",
      "how long idempotency keys are kept, at least 24 hours",
    )
      .env("DAYBOOK_KEY_RETENTION")
      .default(DEFAULT_RETENTION.keys),
    new Option(
      "--receipt-retention <interval>",
      "how long finished receipts of the write-ahead queue are kept, at least 24 hours",
    )
      .env("DAYBOOK_RECEIPT_RETENTION")
      .default(DEFAULT_RETENTION.receipts),
  ];
}

export function retentionOf({ keyRetention, receiptRetention }: RetentionFlags): Retention {
  return { keys: keyRetention, receipts: receiptRetention };
}
