import { Client } from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { chance, pick, upTo } from "../clients/draw.ts";
import { clock } from "../clients/creations.ts";
import { LOGIN, WORKING } from "../stage/logins.ts";
import type { Cut } from "../stage/proxy.ts";
import type { Evil } from "./nemesis.ts";

/** Backends of clients, of the server and of the workers. */
const BACKENDS = `
  select pid from pg_stat_activity
   where usename in (${WORKING})
   order by state = 'active' desc, hashtext(pid::text || $1)`;

const terminate: Evil = {
  name: "terminate backends",
  weight: 16,
  async act({ postgres }, draw) {
    const text = `select pg_terminate_backend(pid) from (${BACKENDS} limit $2) b`;
    const { rowCount } = await postgres.ask(text, [`${draw()}`, upTo(draw, 4)]);
    return `${rowCount}`;
  },
};

const cancel: Evil = {
  name: "cancel statements",
  weight: 8,
  async act({ postgres }, draw) {
    const text = `select pg_cancel_backend(pid) from (${BACKENDS} limit $2) b`;
    const { rowCount } = await postgres.ask(text, [`${draw()}`, upTo(draw, 4)]);
    return `${rowCount}`;
  },
};

const cut: Evil = {
  name: "cut connections",
  weight: 24,
  async act({ proxies }, draw) {
    const way = pick(draw, ["sql", "http", "inside"] as const);
    const how = pick<Cut>(draw, ["before", "during", "after"]);
    const count = proxies[way].cut(how, () => chance(draw, 0.4));
    return count > 0 ? `${count} of ${way}, ${how} the answer` : undefined;
  },
};

/** Opens connections until there are none left, so that others are refused; lets go after a moment. */
const fill: Evil = {
  name: "fill the connection limit",
  weight: 3,
  async act({ postgres, proxies }, draw) {
    const open: Client[] = [];
    const connectionString = postgres.urlOf(LOGIN, proxies.sql);
    for (let n = 0; n < 120; n++) {
      const client = new Client({ connectionString, application_name: "filler" });
      client.on("error", () => {});
      const isIn = await client.connect().then(
        () => true,
        () => false,
      );
      if (!isIn) break;
      open.push(client);
    }
    await sleep(300 + draw() * 700);
    await Promise.all(open.map((client) => client.end().catch(() => {})));
    return `${open.length} opened`;
  },
};

/** Clients' clocks say when money was moved and when holds expire; the ledger's own says what is over. */
const moveClock: Evil = {
  name: "move the clients' clocks",
  weight: 3,
  async act(_stage, draw) {
    clock.offset = chance(draw, 0.3) ? 0 : Math.round((draw() - 0.5) * 7_200_000);
    return `${clock.offset} ms`;
  },
};

export const connectionEvils = [terminate, cancel, cut, fill, moveClock];
