// Jest's transform for TypeScript: Node strips the types, nothing is compiled.
const { stripTypeScriptTypes } = require("node:module");
const { createHash } = require("node:crypto");

module.exports = {
  process: (source, file) => ({
    code: stripTypeScriptTypes(source, { mode: "strip", sourceUrl: file }),
  }),
  getCacheKey: (source, file, options) =>
    createHash("sha256")
      .update(process.version)
      .update(file)
      .update(source)
      .update(options.configString)
      .digest("hex"),
};
