import { Logger } from "graphile-worker";
import type { Log } from "../log.ts";

/** graphile-worker's messages in our log: its chatter about each job is left out. */
export function workerLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === "error") log.error(message);
    else if (level === "warning") log.warn(message);
  });
}
