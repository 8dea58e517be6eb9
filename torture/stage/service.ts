import { startCli, type Running } from "../../test/support/run-cli.ts";
import { until } from "../../test/support/temporary.ts";

/** A part of Daybook in a process of its own, which is started again whenever it ends. */
export type Service = {
  name: string;
  /** Process id, or undefined between an end and the next start. */
  pid(): number | undefined;
  isReady(): boolean;
  /** Kills it; it comes back after so many milliseconds. */
  kill(pause: number): void;
  /** How often it ended by itself after it was ready: a service goes on whatever its database does. */
  failures: string[];
  /** Lines in which it said that the books are wrong. */
  alarms(): string[];
  stop(): Promise<void>;
};

export type ServiceOptions = {
  name: string;
  args: string[];
  environment: Record<string, string>;
  /** What it says when it is ready; what the expression catches is given to `onReady`. */
  ready: RegExp;
  onReady?: (caught: string) => void;
};

/** What workers log that find cached figures, transactions or the log itself to be wrong. */
export const alarmsIn = (log: string): string[] => log.match(/^.*\b(DRIFT|WRONG):.*$/gm) ?? [];

/** How long a part that ended by itself stays away, in milliseconds: about what a process supervisor takes. */
const REST = 500;

export async function startService(options: ServiceOptions): Promise<Service> {
  const { name, args, environment, ready, onReady } = options;
  const failures: string[] = [];
  const alarms: string[] = [];
  let running: Running | undefined;
  let isReady = false;
  let pause: number | undefined;
  let isStopping = false;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    const mine = startCli(args, environment);
    running = mine;
    isReady = false;
    mine.process.stderr!.on("data", () => {
      const found = isReady ? null : ready.exec(mine.output.stderr);
      if (!found) return;
      isReady = true;
      onReady?.(found[1] ?? "");
    });
    void mine.ended.then(({ code, stderr }) => {
      running = undefined;
      alarms.push(...alarmsIn(stderr));
      if (isStopping) return;
      const isOwnEnd = pause === undefined && isReady;
      const when = new Date().toISOString();
      if (isOwnEnd) failures.push(`${name} ended with ${code} at ${when}: ${stderr.slice(-4000)}`);
      isReady = false;
      timer = setTimeout(start, pause ?? REST);
      pause = undefined;
    });
  };
  start();
  await until(`${name} is ready`, () => isReady, 30_000);
  return {
    name,
    failures,
    alarms: () => [...alarms, ...alarmsIn(running?.output.stderr ?? "")],
    pid: () => running?.process.pid,
    isReady: () => isReady,
    kill(milliseconds) {
      if (!running) return;
      pause = milliseconds;
      running.process.kill("SIGKILL");
    },
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      const last = running;
      last?.process.kill("SIGCONT");
      last?.process.kill("SIGTERM");
      const impatience = setTimeout(() => last?.process.kill("SIGKILL"), 15_000);
      await last?.ended;
      clearTimeout(impatience);
    },
  };
}
