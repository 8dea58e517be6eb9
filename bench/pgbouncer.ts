import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../src/client.ts";
import { serverUser } from "../src/embedded/os-user.ts";
import { choosePort } from "../src/embedded/port.ts";

/**
 * Runs PgBouncer in transaction mode on loopback, with 20 connections to the server.
 * @param server with login and password, as whom everybody comes in
 * @returns the URL to use instead
 * @throws Error with its log if it does not start
 */
export async function startPgbouncer(
  server: URL,
  folder: string,
): Promise<{ url: URL; stop(): Promise<void> }> {
  const home = join(folder, "pgbouncer");
  mkdirSync(home);
  chmodSync(home, 0o777); // run by root, it becomes another user
  const port = await choosePort(0);
  const database = server.pathname.slice(1);
  const [users, log, config] = ["users", "log", "pgbouncer.ini"].map((name) => join(home, name));
  writeFileSync(
    users!,
    `"${server.username}" "${decodeURIComponent(server.password)}"
`,
  );
  writeFileSync(
    config!,
    `[databases]
${database} = host=${server.hostname} port=${server.port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits
`,
  );
  const child = spawn("pgbouncer", [config!], {
    ...serverUser(),
    stdio: ["ignore", "ignore", openSync(log!, "a")],
  });
  const ended = new Promise<void>((done) => void child.once("exit", done).once("error", done));
  const url = Object.assign(new URL(server), { hostname: "127.0.0.1", port: `${port}` });
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  for (let tries = 1; !(await answers(url)); tries++) {
    if (tries === 50 || child.exitCode !== null || child.pid === undefined) {
      await stop();
      throw new Error(
        `PgBouncer did not start; is it installed? ${readFileSync(log!, "utf8").slice(-500)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, stop };
}

async function answers(url: URL): Promise<boolean> {
  const client = new Client({ connectionString: url.href });
  try {
    await client.connect();
    await client.query("select");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
