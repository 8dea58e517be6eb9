import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

export type Network = { address: string; prefix: number; family: "ipv4" | "ipv6" };

/**
 * Reads an address or a network in CIDR notation, `10.0.0.0/8`.
 * @returns undefined for what is neither
 */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", bits] = /^([\d.]+|[\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  const longest = family === "ipv4" ? 32 : 128;
  const prefix = Number(bits ?? longest);
  return isIP(address) && prefix <= longest ? { address, prefix, family } : undefined;
}

/**
 * Makes what tells whom a request comes from. A proxy that is trusted is asked for whom it speaks (`X-Forwarded-For`); what
 * others say in that header is not looked at, since anybody can write it.
 * @param trustProxy addresses and networks of proxies
 * @throws Error if one of them is neither
 */
export function addressReader(
  trustProxy: readonly string[] = [],
): (req: Pick<IncomingMessage, "socket" | "headers">) => string {
  const proxies = new BlockList();
  for (const text of trustProxy) {
    const network = parseNetwork(text);
    if (!network) throw new Error(`${text} is no address and no network`);
    proxies.addSubnet(network.address, network.prefix, network.family);
  }
  const isProxy = (address: string) =>
    isIP(address) > 0 && proxies.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  return ({ socket, headers }) => {
    let address = plain(socket.remoteAddress ?? "");
    // Each proxy adds at the end whom it heard.
    const hops = [headers["x-forwarded-for"] ?? []].flat().join().split(",");
    while (isProxy(address)) {
      const next = plain(hops.pop()?.trim() ?? "");
      if (!isIP(next)) break;
      address = next;
    }
    return address;
  };
}

/** As `inet` reads it: IPv4 in its own clothes, no interface name. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
}
