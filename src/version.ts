import { readFileSync } from "node:fs";

/** Of this program, as its package says. */
export function version(): string {
  return ownPackage().version;
}

/**
 * Refuses a Node.js that is too old, before something that it does not have is missed half way.
 * @throws Error naming the version found and the version needed
 */
export function checkNode(found = process.versions.node): void {
  const needed = ownPackage().engines.node.replace(">=", "");
  if (found.localeCompare(needed, "en", { numeric: true }) < 0) {
    throw new Error(`Daybook needs Node.js ${needed} or newer, this is ${found}`);
  }
}

function ownPackage(): { version: string; engines: { node: string } } {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
}
