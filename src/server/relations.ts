import { extendSchema } from "postgraphile/utils";

/**
 * `TransactionResult.transaction`: the row that the call made, read in the call's own transaction;
 * `Receipt.transaction`: the row that came of a queued one.
 */
export const RelationsPlugin: GraphileConfig.Plugin = extendSchema((build) => {
  const { transactions } = build.input.pgRegistry.pgResources;
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
    },
  };
}, "DaybookRelationsPlugin");
