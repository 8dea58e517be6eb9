import { setTimeout as sleep } from "node:timers/promises";
import { pick } from "../clients/draw.ts";
import { signal } from "./signal.ts";
import type { Evil } from "./nemesis.ts";

const kill: Evil = {
  name: "kill PostgreSQL",
  weight: 2,
  async act({ postgres }) {
    await postgres.kill();
    await postgres.restart();
    return "all its processes";
  },
};

const stopImmediately: Evil = {
  name: "stop PostgreSQL immediately",
  weight: 2,
  async act({ postgres }) {
    await postgres.stopImmediately();
    await postgres.restart();
    return "no checkpoint";
  },
};

/** One process that dies takes all others with it: PostgreSQL recovers by itself. */
const killOne: Evil = {
  name: "kill a PostgreSQL process",
  weight: 2,
  async act({ postgres }, draw) {
    const [, ...children] = postgres.processes();
    const victim = pick(draw, children);
    if (victim === undefined) return undefined;
    signal(victim, "SIGKILL");
    return "one of its children";
  },
};

/** A process that does nothing for a while holds whatever it holds. */
const stall: Evil = {
  name: "stall a PostgreSQL process",
  weight: 12,
  async act({ postgres }, draw) {
    const [, ...children] = postgres.processes();
    const victim = pick(draw, children);
    if (victim === undefined) return undefined;
    signal(victim, "SIGSTOP");
    await sleep(100 + draw() * 1_200);
    signal(victim, "SIGCONT");
    return "one of its children";
  },
};

const stallAll: Evil = {
  name: "stall PostgreSQL",
  weight: 2,
  async act({ postgres }, draw) {
    const victims = postgres.processes();
    for (const pid of victims) signal(pid, "SIGSTOP");
    await sleep(100 + draw() * 900);
    for (const pid of victims) signal(pid, "SIGCONT");
    return `${victims.length} processes`;
  },
};

export const postgresEvils = [kill, stopImmediately, killOne, stall, stallAll];
