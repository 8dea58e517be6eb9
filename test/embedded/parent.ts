/** A program for cluster.test.ts: runs a server until somebody kills it. */
import { startCluster } from "../../src/embedded/cluster.ts";

await startCluster({ dataDir: process.argv[2]!, port: 0, durable: false });
process.stdout.write("ready\n");
