import { TYPES } from "postgraphile/@dataplan/pg";
import { inhibitOnNull } from "postgraphile/grafast";
import { extendSchema } from "postgraphile/utils";

/**
 * `TransactionResult.transaction`: the row that the call made, read in the call's own transaction.
 * `Receipt.transaction`: the row that came of a queued one.
 * `FoundTransaction.transaction`: the row that a search found, with its lines.
 * `Category.balance`: what the query `categoryBalance` says of it.
 */
export const RelationsPlugin: GraphileConfig.Plugin = extendSchema((build) => {
  const { transactions, category_balance } = build.input.pgRegistry.pgResources;
  return {
    typeDefs: /* GraphQL */ `
      extend type TransactionResult {
        """
        The transaction as it is now; null after a dry run and for a refused member of a batch.
        """
        transaction: Transaction
      }
      extend type Receipt {
        """
        The transaction as it is now; null unless the receipt is applied.
        """
        transaction: Transaction
      }
      extend type FoundTransaction {
        """
        The transaction itself, with its entries.
        """
        transaction: Transaction
      }
      extend type Category {
        """
        The current balances of all its accounts, also those of categories in it, each once; of no account and no version.
        """
        balance: Balance
      }
    `,
    objects: {
      TransactionResult: {
        plans: {
          transaction: ($result: any) =>
            transactions!.get({ ledger: $result.get("ledger"), id: $result.get("transaction_id") }),
        },
      },
      Receipt: {
        plans: {
          transaction: ($receipt: any) =>
            transactions!.get({
              ledger: $receipt.get("ledger"),
              id: $receipt.get("transaction_id"),
            }),
        },
      },
      FoundTransaction: {
        plans: {
          transaction: ($found: any) =>
            transactions!.get({ ledger: $found.get("ledger"), id: $found.get("id") }),
        },
      },
      Category: {
        plans: {
          balance: ($category: any) =>
            category_balance!.execute([
              // Asked in a statement of its own, and not at all where a relation leads to no category.
              { step: inhibitOnNull($category.get("ledger")), pgCodec: TYPES.text, name: "ledger" },
              {
                step: inhibitOnNull($category.get("category")),
                pgCodec: TYPES.text,
                name: "category",
              },
            ]),
        },
      },
    },
  };
}, "DaybookRelationsPlugin");
