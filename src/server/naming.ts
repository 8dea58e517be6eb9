/** Names of tables and views, whose input types nobody uses; see `inputType`. */
const tableTypes = new Set<string>();

/**
 * Columns keep their names, and inputs of functions are called as their SQL types are:
 * `daybook.entry_input` is `EntryInput`, `daybook.balance_bounds` is `BalanceBoundsInput`.
 */
export const NamingPlugin: GraphileConfig.Plugin = {
  name: "DaybookNamingPlugin",
  version: "1.0.0",
  inflection: {
    replace: {
      // PostGraphile says rowId, because `id` is Relay's; no id of Relay's is offered here.
      _attributeName(_previous, _preset, { attributeName, codec }) {
        const name = codec.attributes[attributeName]?.extensions?.tags?.["name"];
        return this.coerceToGraphQLName(typeof name === "string" ? name : attributeName);
      },
      tableType(previous, _preset, codec) {
        if (codec.extensions?.isTableLike === false) {
          // oxlint-disable-next-line no-underscore-dangle -- its name
          return this.upperCamelCase(this.dontEndInInputOrPatch(this._codecName(codec)));
        }
        const name = previous!(codec);
        tableTypes.add(name);
        return name;
      },
      inputType(previous, _preset, name) {
        if (tableTypes.has(name)) return previous!(`${name}Row`);
        return previous!(name.replace(/InputRecord$/, ""));
      },
    },
  },
};
