import { expect, test } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { packageFiles } from "../scripts/package-files.ts";

const ROOT = resolve(import.meta.dirname, "..");
const files = packageFiles(ROOT);

test("no document of the package leads to what is not in it", () => {
  const isThere = (path: string) =>
    existsSync(join(ROOT, path)) &&
    files.some((file) => path === file || path.startsWith(`${file}/`));
  const documents = files.filter((file) => file.endsWith(".md"));
  expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/operations.md"]));
  const dead = documents.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), "utf8");
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link!);
    return links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => !isThere(normalize(join(dirname(document), link))))
      .map((link) => `${document}: ${link}`);
  });
  expect(dead).toEqual([]);
});
