import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Whether a process with this id exists and has not ended: one that nobody has waited for counts as ended. */
export function isAlive(pid: number): boolean {
  if (statFields(pid)?.[0] === "Z") return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it is there, and somebody else's
  }
}

/**
 * When the process started, in the system's own notation (of UTC), or undefined if there is none.
 * Together with the id it names a process for good: ids are used again, this pair is not.
 */
export function startedAt(pid: number): string | undefined {
  if (process.platform !== "linux") return ps(["-o", "lstart=", "-p", `${pid}`]);
  const fields = statFields(pid);
  return fields?.[0] === "Z" ? undefined : fields?.[19]; // field 22 of proc(5), the name being the second
}

/** The command line of a process, words separated by blanks, or undefined if there is none. */
export function commandLine(pid: number): string | undefined {
  if (process.platform !== "linux") return ps(["-o", "args=", "-p", `${pid}`]);
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() || undefined;
  } catch {
    return undefined; // gone
  }
}

/** Ids of the direct children of a process. */
export function childrenOf(pid: number): number[] {
  if (process.platform !== "linux") {
    const rows = (ps(["-A", "-o", "pid=,ppid="]) ?? "").split("\n");
    return rows
      .map((row) => row.trim().split(/\s+/).map(Number))
      .flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
  }
  return readdirSync("/proc")
    .map(Number)
    .filter((child) => Number.isInteger(child) && Number(statFields(child)?.[1]) === pid);
}

/** Waits until a process is gone. Gives whether it went within the time. */
export async function awaitEnd(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** On Linux, the fields of /proc/<pid>/stat behind the program's name, which may itself hold blanks. */
function statFields(pid: number): string[] | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // gone
  }
}

function ps(args: string[]): string | undefined {
  try {
    // Times are written in a zone and a language: whoever asks is to read the same.
    const env = { ...process.env, TZ: "UTC", LC_ALL: "C" };
    return execFileSync("ps", args, { encoding: "utf8", stdio: "pipe", env }).trim() || undefined;
  } catch {
    return undefined; // `ps` fails if there is no such process
  }
}
