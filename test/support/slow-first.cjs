const { statSync } = require("node:fs");

/** What takes longest begins first, so that no worker is left with it at the end. */
const SLOW = [
  "export/round-trip",
  "crash/queue",
  "cli/dev",
  "cli/import",
  "daybook/verify_log",
  "export/hledger",
  "bad-input",
  "properties/",
  "concurrency/",
  "cli/",
];

/** The order of Jest's test files: the slow ones, then the long ones. */
module.exports = class SlowFirst {
  sort(tests) {
    const ranked = [...tests].map((test) => ({
      test,
      rank: rankOf(test),
      size: statSync(test.path).size,
    }));
    return ranked.toSorted((a, b) => a.rank - b.rank || b.size - a.size).map(({ test }) => test);
  }
  allFailedTests(tests) {
    return tests;
  }
  cacheResults() {}
};

function rankOf({ path }) {
  const found = SLOW.findIndex((part) => path.includes(`/test/${part}`));
  return found < 0 ? SLOW.length : found;
}
