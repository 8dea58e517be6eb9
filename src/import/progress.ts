import { SingleBar } from "cli-progress";
import type { Log } from "../log.ts";

/** Shows how far an import or export is. */
export type Progress = {
  /** @param part of the whole so far, in its unit: bytes of an input, say */
  update(part: number, done: number): void;
  stop(): void;
};

export type ProgressOptions = {
  /** Of the whole, in the unit of `update`; undefined if nobody can know. */
  size: number | undefined;
  stream: NodeJS.WritableStream & { isTTY?: boolean };
  log: Log;
  /** What is counted. Default transactions. */
  what?: string;
  /** Between two plain lines. */
  milliseconds?: number;
};

/** A bar with the rate on a terminal, else a plain line every few seconds. */
export function startProgress(options: ProgressOptions): Progress {
  return options.stream.isTTY ? startBar(options) : startLines(options);
}

function startBar({ stream, size, what = "transactions" }: ProgressOptions): Progress {
  const figures = `{done} ${what} | {rate}/s`;
  const format = size ? `[{bar}] {percentage}% | ${figures} | {eta_formatted} left` : figures;
  const bar = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 1000 });
  const rate = rateSince(Date.now());
  bar.start(size ?? 0, 0, { done: 0, rate: 0 });
  return {
    update: (part, done) => bar.update(part, { done, rate: rate(done, Date.now()) }),
    stop: () => bar.stop(),
  };
}

function startLines({
  size,
  log,
  what = "transactions",
  milliseconds = 5000,
}: ProgressOptions): Progress {
  const rate = rateSince(Date.now());
  let said = Date.now();
  let last = { part: 0, done: 0 };
  const say = (now: number) => {
    const share = size ? `${Math.floor((100 * last.part) / size)} %, ` : "";
    log.info(`${share}${last.done} ${what}, ${rate(last.done, now)} per second`);
    said = now;
  };
  return {
    update(part, done) {
      last = { part, done };
      const now = Date.now();
      if (now - said >= milliseconds) say(now);
    },
    stop: () => say(Date.now()),
  };
}

/** Whole numbers per second since a moment. */
function rateSince(start: number): (done: number, now: number) => number {
  return (done, now) => Math.round((1000 * done) / Math.max(1, now - start));
}
