import { availableParallelism } from "node:os";

/** TypeScript is stripped by Node itself; types are checked by `npm run check:types`. */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.cjs" },
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  testSequencer: "<rootDir>/test/support/slow-first.cjs",
  testTimeout: 120_000,
  // Many tests wait for others or for time to pass, so that one more than there are cores costs little and helps.
  maxWorkers: Math.min(availableParallelism() + 1, 4),
};
