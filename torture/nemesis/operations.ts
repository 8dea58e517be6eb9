import { runCli } from "../../test/support/run-cli.ts";
import { upTo } from "../clients/draw.ts";
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

/** A month long ago, which nothing was recorded in: moving it takes the table for a moment all the same. */
const movePartition: Evil = {
  name: "move a month",
  weight: 3,
  async act({ postgres }, draw) {
    const month = `20${upTo(draw, 8) + 10}-0${upTo(draw, 9)}-01Z`;
    const parent = draw() < 0.5 ? "daybook.entries" : "daybook_private.log_events";
    const steps = [
      "set role daybook_owner",
      `select daybook_private.ensure_partition('${parent}', '${month}')`,
      `select daybook_private.move_partition('${parent}', '${month}', 'pg_default') as original`,
    ];
    await postgres.ask("select"); // it may just be recovering
    const client = await connectTo(postgres.url());
    try {
      let original = "";
      for (const step of steps) original = (await client.query(step)).rows[0]?.original ?? original;
      await client.query(`drop table ${original}`);
      return "done";
    } catch (error) {
      // Never free for a moment, or killed in the middle: then it is as it was.
      if (/^(55P03|57P|08|25P02|40P01)/.test((error as { code?: string }).code ?? "08"))
        return "given up";
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  },
};

export const operationEvils = [migrateAgain, movePartition];
