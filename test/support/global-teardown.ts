import { rmSync } from "node:fs";
import type { TestClusters } from "./global-setup.ts";

/** Stops the run's servers and removes their data. */
export default async function globalTeardown(): Promise<void> {
  const test: TestClusters | undefined = globalThis.testClusters;
  if (!test) return;
  await Promise.all(test.clusters.map((cluster) => cluster.stop()));
  rmSync(test.folder, { recursive: true, force: true });
}
