import { connect, createServer, type Socket } from "node:net";

/**
 * How a connection is cut: before what was asked next arrives, so that nothing happens; while it is worked on, so
 * that it happens unseen; or after it is done, so that only the answer is lost.
 */
export type Cut = "before" | "during" | "after";

/** A way to a server that keeps its address while servers come and go behind it, and that can be cut. */
export type Proxy = {
  port: number;
  /** Where new connections go to; a port on this machine. */
  leadTo(port: number): void;
  /** Cuts a share of the connections, each at the next thing that passes; gives how many. */
  cut(how: Cut, isMeant: () => boolean): number;
  /** Ends all connections, on both sides. */
  endAll(): void;
  close(): Promise<void>;
};

type Pair = { near: Socket; far: Socket; cut: Cut | undefined };

export async function startProxy(): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let target = 0;
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { near, far, cut: undefined };
    pairs.add(pair);
    pass(pair);
    far.on("close", () => pairs.delete(pair));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const endAll = () => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: typeof address === "object" ? address!.port : 0,
    leadTo: (port) => void (target = port),
    cut(how, isMeant) {
      const meant = [...pairs].filter((pair) => !pair.cut && isMeant());
      for (const pair of meant) pair.cut = how;
      return meant.length;
    },
    endAll,
    close() {
      endAll();
      return new Promise((done) => void server.close(() => done()));
    },
  };
}

function pass(pair: Pair): void {
  const { near, far } = pair;
  near.on("data", (chunk) => {
    if (pair.cut === "before") return void end(pair);
    if (!far.write(chunk)) wait(near, far);
    if (pair.cut === "during") near.destroy(); // the far side goes on, and ends when it has answered
  });
  far.on("data", (chunk) => {
    if (pair.cut === "after" || near.destroyed) return void end(pair);
    if (!near.write(chunk)) wait(far, near);
  });
  near.on("error", () => {}).on("close", () => pair.cut !== "during" && far.destroy());
  far.on("error", () => {}).on("close", () => near.destroy());
}

function wait(from: Socket, to: Socket): void {
  from.pause();
  to.once("drain", () => from.resume());
}

function end({ near, far }: Pair): void {
  near.destroy();
  far.destroy();
}
