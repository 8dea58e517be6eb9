import { rmSync } from "node:fs";
import type { TestCluster } from "./global-setup.ts";

/** Stops the run's server and removes its data. */
export default async function globalTeardown(): Promise<void> {
  const test: TestCluster | undefined = globalThis.testCluster;
  if (!test) return;
  await test.cluster.stop();
  rmSync(test.folder, { recursive: true, force: true });
}
