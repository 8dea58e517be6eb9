/**
 * A program, not a module: runs the PostgreSQL server and stops it when the pipe on its stdin closes.
 * The kernel closes that pipe when the process at the other end dies, however it dies: so the server
 * cannot outlive a parent that crashed or was killed. Closing it is also the normal way to stop.
 *
 * Argument: JSON of WatchdogArguments. The server gets the watchdog's own environment. Exit code: the server's;
 * 1 if a signal ended it.
 */
import { spawn } from "node:child_process";
import { openSync } from "node:fs";

export type WatchdogArguments = {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
  logFile: string;
};

/** How long a fast shutdown may take, in milliseconds, before the server is stopped without a checkpoint. */
const PATIENCE = 60_000;

const { command, args, logFile, ...options } = JSON.parse(
  process.argv[2] ?? "",
) as WatchdogArguments;
// To a file and not to a pipe: a pipe nobody reads any more would lose what matters after a crash.
const log = openSync(logFile, "a", 0o600);
const server = spawn(command, args, { ...options, cwd: "/", stdio: ["ignore", log, log] });

server.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.on("exit", (code) => process.exit(code ?? 1));

process.stdin.on("end", stop).on("error", stop).resume();
// A signal to the whole group, as at the end of a session, must not leave the server behind either.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

function stop(): void {
  server.kill("SIGINT"); // PostgreSQL's "fast shutdown": roll back, checkpoint, exit
  setTimeout(() => server.kill("SIGQUIT"), PATIENCE);
}
