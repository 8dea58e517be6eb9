import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GrafservBody, RequestDigest } from "postgraphile/grafserv";
import { parseMarked } from "../exact-json.ts";
import { AuthenticationError, type Identity } from "./auth.ts";

/**
 * How long a statement of a request may take, how long it may wait for a lock, and how long all statements of an operation
 * together, in milliseconds: meanwhile it has a connection of the few there are, and a snapshot that keeps the database
 * from cleaning up.
 */
export const TIMEOUTS = {
  statement_timeout: "30s",
  lock_timeout: "10s",
  transaction_timeout: "60000",
};

/** What is known of a request when it is executed. */
export type Caller = Identity & { requestId: string; address: string };

const callers = new WeakMap<IncomingMessage, Caller>();

export type RequestOptions = {
  /** Throws an AuthenticationError; undefined if every caller is trusted. */
  authenticate: ((header: string | undefined) => Promise<Identity>) | undefined;
  /** Whom an unauthenticated request acts as. */
  trusted: Identity;
  /** Where a request comes from. */
  addressOf(req: IncomingMessage): string;
  isHealthy(): Promise<boolean>;
};

/** What happens before GraphQL: health, names for requests, and who is asking. */
export function requestPlugin(options: RequestOptions): GraphileConfig.Plugin {
  return {
    name: "DaybookRequestPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        async processRequest(next, { requestDigest }) {
          const { path, method, requestContext } = requestDigest;
          const { req, res } = requestContext.node!;
          const requestId = requestIdOf(req);
          res.setHeader("x-request-id", requestId);
          if (path === "/healthz") {
            return (await options.isHealthy()) ? answer(200, "ok\n") : answer(503, "no database\n");
          }
          // Nothing but POST executes anything.
          if (path === "/graphql" && method === "POST") {
            const identity = await identityOf(req, options).catch(authenticationError);
            if (identity instanceof AuthenticationError) return refuse(identity, res);
            callers.set(req, { ...identity, requestId, address: options.addressOf(req) });
            readExactly(requestDigest);
          }
          return next();
        },
      },
    },
  };
}

/** Settings that tell the ledger who is asking; it believes them only from its own login. */
export function settingsOf(req: IncomingMessage): Record<string, string> {
  const caller = callers.get(req);
  if (!caller) throw new Error("a request was executed without asking whose it is");
  return {
    role: caller.role,
    "daybook.ledgers": caller.ledgers.join(","),
    "daybook.categories": caller.categories.join(","),
    "daybook.subject": caller.subject,
    "daybook.request_id": caller.requestId,
    "daybook.client_address": caller.address,
    ...TIMEOUTS,
    jit: "off",
  };
}

/** Reads a request's JSON in Grafserv's place, which would round numbers before any scalar sees them. */
function readExactly(request: RequestDigest): void {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  if (type.trim() !== "application/json") return;
  const read = request.getBody;
  request.getBody = async (): Promise<GrafservBody> => {
    const body = await read.call(request);
    if (body.type !== "buffer") throw new Error("the body of a request was read by somebody else");
    return { type: "json", json: parseMarked(body.buffer.toString("utf8")) as never };
  };
}

async function identityOf(req: IncomingMessage, options: RequestOptions): Promise<Identity> {
  if (options.authenticate) return options.authenticate(req.headers.authorization);
  // A page from elsewhere could let its own name point to this machine and then speak to the server.
  const host = URL.parse(`http://${req.headers.host}`)?.hostname ?? "";
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)) {
    throw new AuthenticationError("without a key for tokens only localhost is served");
  }
  // A proxy on this machine would let in whoever reaches it, and may well name this machine as the host.
  const header = Object.keys(req.headers).find((name) => OF_PROXIES.test(name));
  if (header === undefined) return options.trusted;
  throw new AuthenticationError(
    `without a key for tokens nobody is served through a proxy, and this request has the header ${header}`,
  );
}

const OF_PROXIES = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/;

function authenticationError(error: unknown): AuthenticationError {
  if (error instanceof AuthenticationError) return error;
  throw error;
}

function refuse({ status, message, code }: AuthenticationError, res: ServerResponse) {
  if (status === 401) res.setHeader("www-authenticate", "Bearer");
  const body = { errors: [{ message, extensions: { code } }] };
  return answer(status, JSON.stringify(body), "application/json; charset=utf-8");
}

function answer(statusCode: number, text: string, type = "text/plain; charset=utf-8") {
  const headers = { "content-type": type, "cache-control": "no-store" };
  return { type: "buffer" as const, statusCode, headers, buffer: Buffer.from(text) };
}

function requestIdOf(req: IncomingMessage): string {
  const given = String(req.headers["x-request-id"] ?? "").replace(/[^\x21-\x7e]/g, "");
  return given.slice(0, 200) || randomUUID();
}
