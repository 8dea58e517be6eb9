import { runCli } from "../../test/support/run-cli.ts";
import { connectTo } from "../stage/postgres.ts";
import type { Evil } from "./nemesis.ts";

/** What operators do while work goes on; it may fail if the server is killed meanwhile, and is then done again. */
const migrateAgain: Evil = {
  name: "migrate again",
  weight: 3,
  async act({ postgres }) {
    const { code, stderr } = await runCli(["migrate"], { DATABASE_URL: postgres.url() });
    if (
      code !== 0 &&
      !/recovery mode|terminat|connect|shutting down|starting up|clients already/i.test(stderr)
    ) {
      throw new Error(`daybook migrate: ${stderr}`);
    }
    return code === 0 ? "done" : "disturbed";
  },
};

/** The current month is written anew, as operators do to give back room: it takes the table for itself meanwhile. */
const rewriteMonth: Evil = {
  name: "rewrite a month",
  weight: 3,
  async act({ postgres }, draw) {
    const parent = draw() < 0.5 ? "daybook.entries" : "daybook_private.log_events";
    await postgres.ask("select"); // it may just be recovering
    const client = await connectTo(postgres.url());
    try {
      const { rows } = await client.query<{ sql: string }>(
        `select format('vacuum full %s', $1 || to_char(now() at time zone 'UTC', '_YYYYMM')) as sql`,
        [parent],
      );
      await client.query("set lock_timeout to '2s'");
      await client.query(rows[0]!.sql);
      return "done";
    } catch (error) {
      // Never free for a moment, or killed in the middle: then it is as it was.
      if (/^(55P03|57P|08)/.test((error as { code?: string }).code ?? "08")) return "given up";
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  },
};

export const operationEvils = [migrateAgain, rewriteMonth];
