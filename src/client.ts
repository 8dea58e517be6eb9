import { Client as PgClient, Pool, TypeOverrides, type ClientConfig, type PoolConfig } from "pg";
import { serversOf } from "./database-url.ts";
import { describeError } from "./errors.ts";
import { parseExactly } from "./exact-json.ts";
import { keepVigil } from "./vigil.ts";

export type ClientOptions = ClientConfig & { connectionString: string };

/** What a server is, as a session on it sees it. */
type Kind = { isStandby: boolean; isReadOnly: boolean };

/** The values of `target_session_attrs`, as libpq has them, but for `prefer-standby`. */
const SUITS: Record<string, (kind: Kind) => boolean> = {
  any: () => true,
  primary: ({ isStandby }) => !isStandby,
  standby: ({ isStandby }) => isStandby,
  "read-write": ({ isReadOnly }) => !isReadOnly,
  "read-only": ({ isReadOnly }) => isReadOnly,
};

/** An amount in JSON is not rounded. */
const types = new TypeOverrides();
for (const json of [114, 3802]) types.setTypeParser(json, parseExactly);

/** How long a server may take to say what it is, in milliseconds. */
const PATIENCE = 5_000;

/**
 * A connection to the server that takes writes, of all that the URL names: `postgres://one,two/books`. All are
 * asked whenever a connection is made, so after a failover the next one leads to the new primary. With
 * `target_session_attrs` in the URL another kind of server will do.
 *
 * A server that vanishes without a word is noticed within half a minute by a connection that rests, and within a minute by one
 * that waits for an answer (`keepVigil`). What becomes of a connection is told by the query that fails; its `error` event, which may come before the caller has the connection, never ends the process.
 */
export class Client extends PgClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    super({
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types,
      ...options,
      connectionString: serversOf(options.connectionString)[0]!,
    });
    this.#options = options;
    this.on("error", () => {});
    keepVigil(this);
  }

  /** @throws Error with code 08001 if no server will do */
  override connect(): Promise<PgClient>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<PgClient> | void {
    const connecting = this.#choose().then(() => super.connect());
    if (!callback) return connecting;
    connecting.then(() => callback(null!), callback);
  }

  async #choose(): Promise<void> {
    if (serversOf(this.#options.connectionString).length === 1) return;
    const { host, port } = await findServer(this.#options);
    Object.assign(this, { host, port });
  }
}

/** A pool of such connections. */
export function newPool(options: ClientOptions & PoolConfig): Pool {
  // The pool gives it the options, which the type does not say.
  return new Pool({ ...options, Client: Client as never });
}

/**
 * The server that suits, as a URL of its own, for those who cannot do with several.
 * @throws Error with code 08001 if no server will do
 */
export async function oneServer(url: string): Promise<string> {
  const servers = serversOf(url);
  if (servers.length === 1) return url;
  return (await findServer({ connectionString: url })).url;
}

type Server = { url: string; host: string; port: number };

/** Asks all at once: one that does not answer keeps nobody waiting. */
async function findServer(options: ClientOptions): Promise<Server> {
  const servers = serversOf(options.connectionString);
  try {
    return await Promise.any(servers.map((url) => ask(options, url)));
  } catch (error) {
    const reasons = (error as AggregateError).errors.map(describeError);
    const text = `none of the servers will do: ${reasons.join("; ")}`;
    throw Object.assign(new Error(text, { cause: error }), { code: "08001" });
  }
}

/** @throws Error if the server is out of reach or of the wrong kind */
async function ask(options: ClientOptions, url: string): Promise<Server> {
  const wanted = URL.parse(url)?.searchParams.get("target_session_attrs") ?? "read-write";
  const suits = SUITS[wanted];
  if (!suits) throw new Error(`target_session_attrs=${wanted} is not known here`);
  const client = new PgClient({
    ...options,
    connectionString: url,
    connectionTimeoutMillis: PATIENCE,
    query_timeout: PATIENCE,
  });
  client.on("error", () => {}); // told by the query as well
  const { host, port } = client;
  try {
    await client.connect();
    const { rows } = await client.query<Kind>(
      `select pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly"`,
    );
    if (suits(rows[0]!)) return { url, host, port };
    throw new Error(rows[0]!.isStandby ? "is a standby" : "is no standby");
  } catch (error) {
    throw new Error(`${host}:${port}: ${describeError(error)}`, { cause: error });
  } finally {
    void client.end().catch(() => {});
  }
}
