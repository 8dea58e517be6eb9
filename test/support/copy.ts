import type { Client } from "pg";

/** What pg's connection offers for COPY and does not put into its types. */
type Connection = {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
};

const nothing = () => {};

/**
 * Runs `copy … from stdin` with this text.
 * @throws DatabaseError if the server refuses it
 */
export function copyFrom(client: Client, sql: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query({
      submit: (connection: Connection) => void connection.query(sql),
      handleCopyInResponse(connection: Connection) {
        connection.sendCopyFromChunk(Buffer.from(text));
        connection.endCopyFrom();
      },
      handleError: reject,
      handleReadyForQuery: resolve,
      handleCommandComplete: nothing,
      handleRowDescription: nothing,
      handleDataRow: nothing,
      handleEmptyQuery: nothing,
    } as never);
  });
}
