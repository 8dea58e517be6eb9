/** Where Daybook's programs say what they do. One line a message; never a secret. */
export type Log = {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
};

/**
 * A log on stderr, so that stdout stays free for what a command prints.
 * @param scope who speaks, for example `worker`
 */
export function consoleLog(scope: string): Log {
  const write = (level: string) => (message: string) =>
    void process.stderr.write(`${new Date().toISOString()} ${level} ${scope}: ${message}\n`);
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

/** A log that says nothing. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };
