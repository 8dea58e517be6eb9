import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { makeAuthority, startTlsProxy, type Authority } from "../support/tls-proxy.ts";

/* What docs/operations.md says of encrypted connections, with a certificate of an authority that nobody knows. */

const folder = temporaryFolder();
let database: TestDatabase;
let authority: Authority;
let proxy: Awaited<ReturnType<typeof startTlsProxy>>;

/** Verifies over the proxy; a command with one connection after the other. */
async function verify(parameters: string, host = "localhost", environment = {}) {
  const url = new URL(database.urlOf("test_admin"));
  url.host = `${host}:${proxy.port}`;
  const DATABASE_URL = `${url.href}${parameters.replace("FILE", authority.file)}`;
  const before = proxy.encrypted();
  const result = await runCli(["verify"], { DATABASE_URL, ...environment });
  return { ...result, isEncrypted: proxy.encrypted() > before };
}
const welcome = { code: 0, isEncrypted: true, stderr: expect.not.stringContaining("Warning") };
const refused = (how: RegExp) => ({ code: 1, stdout: "", stderr: expect.stringMatching(how) });
const UNKNOWN =
  /self-signed certificate in certificate chain|unable to (get local issuer|verify the first) cert/;

// Certificates are made by openssl.
const isThere = spawnSync("openssl", ["version"]).status === 0;
(isThere ? describe : describe.skip)("an encrypted connection", () => {
  beforeAll(async () => {
    database = await createDatabase();
    authority = makeAuthority(folder.path);
    proxy = await startTlsProxy(Number(new URL(database.url).port), authority);
  });
  afterAll(async () => {
    await proxy?.stop();
    await database?.drop();
    folder.remove();
  });

  test("without sslmode nothing is encrypted, and a server that insists on it is out of reach", async () => {
    expect(await verify("")).toMatchObject({ code: 1, isEncrypted: false });
  });

  test.each(["verify-full", "require"])(
    "sslmode=%s believes no unknown authority",
    async (mode) => {
      expect(await verify(`?sslmode=${mode}`)).toMatchObject(refused(UNKNOWN));
    },
  );

  test("one that is named, in the URL or the environment, is believed", async () => {
    expect(await verify("?sslmode=verify-full&sslrootcert=FILE")).toMatchObject(welcome);
    const environment = { NODE_EXTRA_CA_CERTS: authority.file };
    expect(await verify("?sslmode=verify-full", "localhost", environment)).toMatchObject(welcome);
  });

  test("but only for the host of its certificate", async () => {
    expect(await verify("?sslmode=verify-full&sslrootcert=FILE", "127.0.0.1")).toMatchObject(
      refused(/does not match certificate's altnames/),
    );
  });

  test("sslmode=require is as strict, and warns", async () => {
    const asked = await verify("?sslmode=require&sslrootcert=FILE");
    expect(asked).toMatchObject({
      ...welcome,
      stderr: expect.stringMatching(/Warning.*verify-full/s),
    });
  });

  test.each(["sslmode=no-verify", "sslmode=require&uselibpqcompat=true"])(
    "%s believes whoever answers",
    async (parameters) => {
      expect(await verify(`?${parameters}`)).toMatchObject(welcome);
    },
  );
});
