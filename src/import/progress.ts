import { SingleBar } from "cli-progress";
import type { Log } from "../log.ts";

/** Shows how far an import is. */
export type Progress = {
  /** @param bytes of the input so far */
  update(bytes: number, transactions: number): void;
  stop(): void;
};

export type ProgressOptions = {
  /** Bytes of the whole input; undefined if nobody can know. */
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
  const figures = `{transactions} ${what} | {rate}/s`;
  const format = size ? `[{bar}] {percentage}% | ${figures} | {eta_formatted} left` : figures;
  const bar = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 1000 });
  const rate = rateSince(Date.now());
  bar.start(size ?? 0, 0, { transactions: 0, rate: 0 });
  return {
    update: (bytes, transactions) =>
      bar.update(bytes, { transactions, rate: rate(transactions, Date.now()) }),
    stop: () => bar.stop(),
  };
}

function startLines(options: ProgressOptions): Progress {
  const { size, log, what = "transactions", milliseconds = 5000 } = options;
  const rate = rateSince(Date.now());
  let said = Date.now();
  let last = { bytes: 0, transactions: 0 };
  const say = (now: number) => {
    const share = size ? `${Math.floor((100 * last.bytes) / size)} %, ` : "";
    log.info(`${share}${last.transactions} ${what}, ${rate(last.transactions, now)} per second`);
    said = now;
  };
  return {
    update(bytes, transactions) {
      last = { bytes, transactions };
      const now = Date.now();
      if (now - said >= milliseconds) say(now);
    },
    stop: () => say(Date.now()),
  };
}

/** Whole transactions per second since a moment. */
function rateSince(start: number): (transactions: number, now: number) => number {
  return (transactions, now) => Math.round((1000 * transactions) / Math.max(1, now - start));
}
