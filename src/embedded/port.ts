import { createServer } from "node:net";

/** Where `daybook dev` listens if it can: next to 5432, but out of the way of other servers. */
export const DEFAULT_PORT = 54318;

/**
 * Chooses a port on the loopback address.
 * @param wanted a port that must be used; 0: any free one; undefined: the default one, or any if it is taken
 * @throws Error if the wanted port is taken
 */
export async function choosePort(wanted: number | undefined): Promise<number> {
  if (wanted === 0) return (await tryListen(0))!;
  if (wanted === undefined) return (await tryListen(DEFAULT_PORT)) ?? (await tryListen(0))!;
  const port = await tryListen(wanted);
  if (port === undefined) throw new Error(`port ${wanted} of 127.0.0.1 is taken`);
  return port;
}

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
