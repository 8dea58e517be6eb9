import { connect, type Socket } from "node:net";
import { Client } from "pg";

/**
 * When a server is looked after, in milliseconds: how long a connection that waits for an answer hears nothing before it asks
 * whether the server can still be reached, how often it asks, how long it waits for that, and how often in a row nothing may come of it.
 */
export const VIGIL = { quiet: 30_000, every: 10_000, patience: 5_000, tries: 3 };

/**
 * Ends a connection that waits for the answer of a server which cannot be reached any more: a machine that lost its power, or a
 * network in two. TCP alone would go on for a quarter of an hour, as nobody says that it is over. However long a statement takes, it is
 * left alone while its server takes connections. The query then fails with code 08006. On a socket of this machine nobody vanishes so.
 */
export function keepVigil(client: Client): void {
  let asked = false;
  client.query = ((...values: Parameters<Client["query"]>) => {
    asked = true;
    return Client.prototype.query.apply(client, values);
  }) as Client["query"];
  client.on("drain", () => (asked = false));
  client.once("connect", () => {
    const stream = streamOf(client);
    if (!stream.remoteAddress) return;
    const timer = setInterval(
      look(stream, () => asked),
      VIGIL.every,
    ).unref();
    client.once("end", () => clearInterval(timer));
  });
}

/** The socket under a connection. */
export function streamOf(client: unknown): Socket {
  return (client as { connection: { stream: Socket } }).connection.stream;
}

/** Gives what is to be done from time to time. */
function look(stream: Socket, isWaiting: () => boolean): () => Promise<void> {
  // Its address and not its name: a name server that is down says nothing about it.
  const there = { host: stream.remoteAddress!, port: stream.remotePort! };
  let [heard, since, failures] = [stream.bytesRead, Date.now(), 0];
  return async () => {
    if (!isWaiting() || stream.bytesRead !== heard) {
      [heard, since, failures] = [stream.bytesRead, Date.now(), 0];
    } else if (Date.now() - since >= VIGIL.quiet) {
      failures = (await isReachable(there)) ? 0 : failures + 1;
      if (failures >= VIGIL.tries) stream.destroy(unreachable(there));
    }
  };
}

type Address = { host: string; port: number };

function unreachable({ host, port }: Address): Error {
  const error = new Error(`${host}:${port} does not answer and cannot be reached any more`);
  return Object.assign(error, { code: "08006" });
}

/** Whether anybody takes connections there. */
function isReachable(there: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...there, timeout: VIGIL.patience });
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => tell(true));
    socket.once("timeout", () => tell(false));
    socket.once("error", () => tell(false));
  });
}
