import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";

export type Authority = {
  /** Its certificate, which no system trusts. */
  file: string;
  key: string;
  cert: string;
};

/** An authority of one's own, and a certificate of it for `localhost` alone: made by openssl in a folder. */
export function makeAuthority(folder: string): Authority {
  const key = "-newkey rsa:2048 -nodes -keyout";
  openssl(folder, `req -new -x509 -days 2 -subj /CN=authority ${key} ca.key -out ca.pem`);
  openssl(folder, `req -new -subj /CN=localhost ${key} server.key -out server.csr`);
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost\n");
  const signed = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names";
  openssl(folder, `x509 -req -days 2 -in server.csr ${signed} -out server.pem`);
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { file: join(folder, "ca.pem"), key: read("server.key"), cert: read("server.pem") };
}

const openssl = (cwd: string, line: string) =>
  execFileSync("openssl", line.split(" "), { cwd, stdio: "pipe" });

/** What a client sends who would like to encrypt: its length, and a number in the place of a version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Stands before a server that cannot encrypt, as one that insists on it: whoever does not ask for it is cut off.
 * @returns its port, how many came in encrypted, and `stop`
 */
export async function startTlsProxy(port: number, { key, cert }: Authority) {
  let encrypted = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {}); // the client refused the certificate
    socket.once("data", (first) => {
      if (!first.equals(SSL_REQUEST)) return socket.destroy();
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, key, cert });
      const behind = connect(port, "127.0.0.1");
      secure.on("error", () => behind.destroy()).once("secure", () => (encrypted += 1));
      behind.on("error", () => secure.destroy());
      return secure.pipe(behind).pipe(secure);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    encrypted: () => encrypted,
    stop: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
