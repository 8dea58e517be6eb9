import { globSync } from "node:fs";

/**
 * What the published package has besides compiled sources. Documents come whole, so that none leads to what is not
 * there; the programs beside them belong to a checkout.
 */
export function packageFiles(root: string): string[] {
  return [
    "migrations",
    "schema.graphql",
    "LICENSE",
    "docker-compose.yml",
    "bench/RESULTS.md",
    ...globSync(["*.md", "docs/*.md", "examples/**/*.md"], { cwd: root }),
  ].toSorted();
}
