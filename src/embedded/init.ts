import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ServerUser } from "./os-user.ts";

/**
 * Makes sure that a cluster exists in the folder, and gives the password of its superuser `postgres`.
 * The password is kept beside the folder, readable for its owner only.
 * @throws Error if the cluster exists but its password file does not, or if initdb fails
 */
export async function ensureCluster(
  dataDir: string,
  initdb: string,
  user: ServerUser,
  durable: boolean,
): Promise<string> {
  const passwordFile = `${dataDir}.password`;
  if (existsSync(join(dataDir, "PG_VERSION"))) {
    if (existsSync(passwordFile)) return readFileSync(passwordFile, "utf8").trim();
    throw new Error(
      `${dataDir} holds a database, but its password file ${passwordFile} is missing: ` +
        "put it back, or remove the folder to start afresh",
    );
  }
  mkdirSync(dirname(dataDir), { recursive: true });
  const password = randomBytes(24).toString("hex");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  give(passwordFile, user);
  await initialise(dataDir, initdb, user, durable, passwordFile);
  return password;
}

/** Built aside and moved into place, so that a crash in the middle leaves no half of a cluster. */
async function initialise(
  dataDir: string,
  initdb: string,
  user: ServerUser,
  durable: boolean,
  passwordFile: string,
): Promise<void> {
  const draft = `${dataDir}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  give(draft, user);
  const args = [
    `--pgdata=${draft}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    ...(durable ? [] : ["--no-sync"]),
  ];
  // The server's user may not be allowed into the current folder, where this process was started.
  await promisify(execFile)(initdb, args, { ...user, cwd: "/", env: serverEnvironment() });
  renameSync(draft, dataDir);
}

/** What a program needs to run: where others and libraries are, who it is, where files go, its zone, how it allocates. */
const NEEDED = /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|(LD|DYLD|MALLOC)_\w+|GLIBC_TUNABLES)$/;

/**
 * The environment for PostgreSQL's programs: no keys and passwords, which the server's user could read, no PG*
 * variables, which are meant for clients, and no NODE_OPTIONS for the watchdog.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const needed = Object.entries(process.env).filter(([name]) => NEEDED.test(name));
  return { ...Object.fromEntries(needed), LC_ALL: "C" };
}

function give(path: string, { uid, gid }: ServerUser): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}
