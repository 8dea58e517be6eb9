import {
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "postgraphile/graphql";
import { isPromiseLike, type OperationPlan } from "postgraphile/grafast";
import type { ExecutionConfig } from "postgraphile/grafserv";
import { fieldsOf } from "./size.ts";

/** Operations in use need not be read and planned anew. All that is kept takes about this many bytes at most. */
const MOST_BYTES = 250_000_000;
/** What a character of a text takes once it is read: 50 bytes usually, four times that in texts of nothing but short words. */
const CHARACTER_BYTES = 200;
/** What a field takes in a plan. */
const FIELD_BYTES = 25_000;
/** An operation of more is not kept, but planned anew each time: it would take the room of all others. */
const MOST_FIELDS = 200;

type Kept = { document: DocumentNode; bytes: number };

/**
 * Keeps the operations used last, by their weight and not by their number, in place of Grafserv's and Grafast's own
 * caches. What was refused is not kept. One operation can have many plans, as its variables are null or not; each counts.
 */
export function keptPlugin(mostBytes = MOST_BYTES): GraphileConfig.Plugin {
  const kept = new Map<string, Kept>();
  const known = new WeakSet<OperationPlan>();
  let total = 0;

  const find = (text: string): DocumentNode | undefined => {
    const found = kept.get(text);
    if (!found) return undefined;
    kept.delete(text);
    kept.set(text, found); // the last one is the one used last
    return found.document;
  };
  const keep = (text: string, document: DocumentNode, more: number) => {
    const before = kept.get(text);
    const bytes = before ? before.bytes + more : text.length * CHARACTER_BYTES + more;
    total += bytes - (before?.bytes ?? 0);
    kept.delete(text);
    kept.set(text, { document, bytes });
    for (const [oldest, { bytes: freed }] of kept) {
      if (total <= mostBytes) break;
      kept.delete(oldest);
      total -= freed;
    }
  };
  const remembering = (config: ExecutionConfig): ExecutionConfig => ({
    ...config,
    parseAndValidate(text) {
      const document = find(text);
      return document ? { document } : config.parseAndValidate(text);
    },
  });

  return {
    name: "DaybookKeptPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        setPreset(next, event) {
          const { getExecutionConfig } = event;
          event.getExecutionConfig = function (context) {
            const config = getExecutionConfig.call(this, context);
            return isPromiseLike(config) ? config.then(remembering) : remembering(config);
          };
          return next();
        },
      },
    },
    grafast: {
      middleware: {
        establishOperationPlan(next, { operation, fragments, schema, args }) {
          const plan = next();
          if (known.has(plan)) return plan;
          known.add(plan);
          holdPlansWeakly(schema, operation);
          const fields = fieldsOf(operation, fragments);
          const text = operation.loc?.source.body;
          if (text !== undefined && fields <= MOST_FIELDS) {
            keep(text, args.document, fields * FIELD_BYTES);
          }
          return plan;
        },
      },
    },
  };
}

/**
 * Grafast keeps the plans of a number of operations, under a symbol of its own and at any size. Held weakly instead, they
 * live as long as the operation that they belong to.
 */
function holdPlansWeakly(schema: GraphQLSchema, operation: OperationDefinitionNode): void {
  const grafast = schema.extensions.grafast as Record<symbol, Plans | undefined> | undefined;
  for (const symbol of Object.getOwnPropertySymbols(grafast ?? {})) {
    const plans = grafast![symbol];
    if (symbol.description !== "cacheByOperation" || !plans || plans instanceof WeakMap) continue;
    grafast![symbol] = new WeakMap([[operation, plans.get(operation)]]);
  }
}

type Plans = { get(operation: OperationDefinitionNode): unknown };
