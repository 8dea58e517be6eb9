import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How a connection ends: closed, reset, or with the last words of a server whose operator terminates the session. */
export type End = "closed" | "reset" | "terminated";

export type Cutter = {
  /** The same URL, through here. */
  lead(url: string): string;
  /**
   * Ends connections when so much of what the server says has passed, counted from now: bytes, or messages where it is to
   * be terminated.
   * @param nth only that one of those made from now on, from 0; default all, those that are open too
   */
  cutAfter(much: number, end: End, nth?: number): void;
  /** Cuts no more; what passes is counted anew. */
  heal(): void;
  /** Until those whose connections were cut know it. */
  untilKnown(): Promise<void>;
  /** Since `heal` or `cutAfter`. */
  passed(): { bytes: number; messages: number };
  /** Keeps back the next request with that text; gives what ends its connection. */
  keepBack(text: string): Promise<() => void>;
  /** Nothing passes any more, either way, and nobody is told; new connections are taken or not. */
  silence(takesNew: "takes new ones" | "takes none"): void;
  endAll(): void;
  close(): void;
};

type Cut = { much: number; end: End; nth: number | undefined };

const TERMINATED = Buffer.from(
  "E....SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0",
);
TERMINATED.writeInt32BE(TERMINATED.length - 1, 1);

/** A way to the server of a URL, on which connections end wherever one likes. */
export async function startCutter(url: string): Promise<Cutter> {
  const target = Number(new URL(url).port);
  const open = new Set<Socket>();
  let era = { cut: undefined as Cut | undefined, connections: 0, bytes: 0, messages: 0 };
  const closing = new Set<Promise<unknown>>();
  let isSilent = false;
  let kept: { text: string; found(give: () => void): void } | undefined;

  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    const number = era.connections++;
    const split = splitter();
    let mine = { era, bytes: 0, messages: 0 };
    open.add(near);
    near.on("data", (request) => {
      if (isSilent) return;
      if (!kept || !request.includes(kept.text)) return void far.write(request);
      kept.found(() => near.destroy());
      kept = undefined;
    });
    const pass = (message: Buffer) => {
      if (mine.era !== era) mine = { era, bytes: 0, messages: 0 };
      const isMeant = era.cut && (era.cut.nth ?? number) === number;
      const left = isMeant ? leftOf(era.cut!, mine) : Infinity;
      if (left <= 0 || left < message.length) {
        closing.add(new Promise((resolve) => near.once("close", resolve)));
        return void finish(near, era.cut!, message, left);
      }
      for (const count of [mine, era]) {
        count.bytes += message.length;
        count.messages += 1;
      }
      near.write(message);
    };
    far.on("data", (chunk) => {
      if (isSilent) return;
      near.cork(); // what came in one packet leaves in one
      for (const message of split(chunk)) if (near.writable) pass(message);
      near.uncork();
    });
    near.on("error", () => {}).on("close", () => open.delete(near) && far.destroy());
    far.on("error", () => {}).on("close", () => near.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const begin = (cut: Cut | undefined) =>
    void (era = { cut, connections: 0, bytes: 0, messages: 0 });
  const endAll = () => open.forEach((near) => near.destroy());
  const untilKnown = async () => {
    await Promise.all(closing);
    closing.clear();
    await sleep(5); // of a reset, which nobody answers, one hears at the next turn
  };
  return {
    lead: (to) => to.replace(`:${target}/`, `:${port}/`),
    cutAfter: (much, how, nth) => begin({ much, end: how, nth }),
    heal: () => begin(undefined),
    untilKnown,
    passed: () => ({ bytes: era.bytes, messages: era.messages }),
    keepBack: (text) => new Promise((found) => void (kept = { text, found })),
    silence(takesNew) {
      isSilent = true;
      if (takesNew === "takes none") server.close();
    },
    endAll,
    close() {
      endAll();
      server.close();
    },
  };
}

/** How many bytes may still pass; none, or however many, where messages are counted. */
function leftOf({ much, end }: Cut, passed: { bytes: number; messages: number }): number {
  if (end !== "terminated") return much - passed.bytes;
  return passed.messages < much ? Infinity : 0;
}

function finish(near: Socket, cut: Cut, message: Buffer, left: number): void {
  if (left > 0) near.write(message.subarray(0, left));
  if (cut.end === "terminated") near.write(TERMINATED);
  near.uncork();
  if (cut.end === "reset") near.resetAndDestroy();
  else near.end();
}

/** Gives the messages of a server that have come whole: a letter, and a length that counts itself. */
function splitter(): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const messages: Buffer[] = [];
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const length = 1 + rest.readInt32BE(1);
      messages.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return messages;
  };
}
