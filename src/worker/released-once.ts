import type { Pool, PoolClient } from "pg";

type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: ((reason?: Error | boolean) => void) | undefined,
) => void;

/**
 * The pool as graphile-worker may use it. Where the connection of its listener ends while that is being shut down,
 * graphile-worker 0.18 gives it back twice, the second time in a promise that nobody awaits: the pool's refusal would end
 * the process. So who takes a connection by a callback may give it back again in vain.
 */
export function releasedOnce(pool: Pool): Pool {
  const connect = (connected?: Connected) => {
    if (!connected) return pool.connect();
    pool.connect((error, client, release) => {
      let isReleased = false;
      connected(error, client, (reason) => {
        if (isReleased) return;
        isReleased = true;
        release?.(reason); // a pool that ends has none to give
      });
    });
  };
  return new Proxy(pool, {
    get: (target, name) => (name === "connect" ? connect : Reflect.get(target, name, target)),
  });
}
