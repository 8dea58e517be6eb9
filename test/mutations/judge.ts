/** How a process ended that was to find a bug; hung if it had to be ended. */
export type Ended = { code: number | null; output: string; isHung: boolean };

/** Who found a bug, which tests did not, and what went wrong with looking for it. */
export type Verdict = { finders: string[]; blind: string[]; errors: string[] };

/** What is read of Jest's report. */
export type JestReport = {
  testResults: { name: string; message: string; assertionResults: { status: string }[] }[];
};

/** Said by the simulator once everything runs, the bug included. */
export const BEGUN = "everything runs";

const verdictOf = (some: Partial<Verdict>): Verdict => ({
  finders: [],
  blind: [],
  errors: [],
  ...some,
});
const lastLine = (output: string) => output.trim().split("\n").at(-1)!;

/**
 * Which checks of the simulator found a bug. Only what they say counts, or that it never ended: whoever could not even
 * begin, or broke down, has found nothing.
 */
export function judgeTorture({ code, output, isHung }: Ended): Verdict {
  const checks = [...output.matchAll(/^(?:.* )?WRONG \(([^)]*)\):/gm)].map(([, check]) => check);
  if (checks.length > 0)
    return verdictOf({ finders: [...new Set(checks)].map((check) => `torture: ${check}`) });
  if (isHung && output.includes(BEGUN)) return verdictOf({ finders: ["torture: never ended"] });
  if (code === 0) return verdictOf({});
  return verdictOf({ errors: [`torture ended with ${code}: ${lastLine(output)}`] });
}

/** Which of the tests that are to find a bug did, or never ended. One that could not be run has found nothing. */
export function judgeTests(
  tests: readonly string[],
  { code, output, isHung }: Ended,
  report: JestReport | undefined,
): Verdict {
  if (!report && !isHung)
    return verdictOf({ errors: [`the tests ended with ${code}: ${lastLine(output)}`] });
  const verdict = verdictOf({});
  for (const test of tests) {
    const result = report?.testResults.find(({ name }) => name.endsWith(`/${test}.test.ts`));
    const statuses = result?.assertionResults.map(({ status }) => status) ?? [];
    if (statuses.includes("failed") || (isHung && output.includes(`FAIL ${test}.test.ts`)))
      verdict.finders.push(test);
    else if (isHung && !output.includes(`PASS ${test}.test.ts`))
      verdict.finders.push(`${test} (never ended)`);
    else if (statuses.length > 0 || isHung) verdict.blind.push(test);
    else verdict.errors.push(`${test} could not be run: ${result?.message ?? "no such test"}`);
  }
  return verdict;
}
