import { SingleBar } from "cli-progress";
import type { Log } from "../log.ts";
import type { Progress } from "./verify-books.ts";

/** Between two plain lines, in milliseconds. */
const PAUSE = 5000;

/** A bar on a terminal, else a plain line every few seconds. */
export function showProgress(
  stream: NodeJS.WritableStream & { isTTY?: boolean },
  log: Log,
): Progress {
  return stream.isTTY ? showBar(stream) : showLines(log);
}

function showBar(stream: NodeJS.WritableStream): Progress {
  const format =
    "[{bar}] {percentage}% | {value} of {total} | {wrong} wrong | {eta_formatted} left";
  const bar = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 1000 });
  return {
    start: (total) => bar.start(total, 0, { wrong: 0 }),
    update: (done, wrong) => bar.update(done, { wrong }),
    stop() {
      if (bar.isActive) bar.stop();
    },
  };
}

function showLines(log: Log): Progress {
  let total = 0;
  let said = Date.now();
  return {
    start(all) {
      total = all;
    },
    update(done, wrong) {
      if (Date.now() - said < PAUSE) return;
      said = Date.now();
      log.info(`${done} of ${total} looked at, ${wrong} wrong`);
    },
    stop() {},
  };
}
