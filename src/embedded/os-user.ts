import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";

/** The operating system user the server runs as; empty means: the user of this process. */
export type ServerUser = { uid?: number; gid?: number };

/**
 * PostgreSQL refuses to run as root. Started by root, it runs as the user `postgres`, made if missing.
 * @throws Error if that user does not exist and cannot be created
 */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  return lookUp() ?? create();
}

function lookUp(): ServerUser | undefined {
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined; // `id` fails exactly if there is no such user
  }
}

const id = (flag: string) =>
  Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: "pipe" }));

function create(): ServerUser {
  try {
    const options = ["--system", "--user-group", "--no-create-home", "--shell", "/bin/false"];
    execFileSync("useradd", [...options, "postgres"], { stdio: "pipe" });
    return { uid: id("-u"), gid: id("-g") };
  } catch (cause) {
    throw new Error(
      "PostgreSQL does not run as root, and the user postgres could not be created: " +
        "create it, or run this as another user",
      { cause },
    );
  }
}

/**
 * Makes sure that the server's user can reach a path: every folder above it must be traversable.
 * @param what names the path in the message
 * @throws Error naming the first folder that is closed
 */
export function assertReachable(path: string, user: ServerUser, what: string): void {
  if (user.uid === undefined) return;
  for (const folder of foldersAbove(path)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) {
      throw new Error(
        `${what} ${path} is out of reach for the user postgres, as whom the server runs: ` +
          `${folder} is closed to it. Use another place, or run this as another user than root`,
      );
    }
  }
}

function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) return folders;
  }
}
