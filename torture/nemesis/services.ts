import { setTimeout as sleep } from "node:timers/promises";
import { pick } from "../clients/draw.ts";
import { signal } from "./signal.ts";
import type { Evil } from "./nemesis.ts";

const killWorker: Evil = {
  name: "kill a worker",
  weight: 5,
  async act({ workers }, draw) {
    const worker = pick(draw, workers);
    worker.kill(500 + draw() * 4_000); // until then the others do its work, or nobody
    return worker.name;
  },
};

const stallWorkers: Evil = {
  name: "stall the workers",
  weight: 4,
  async act({ workers }, draw) {
    const pids = workers.map((worker) => worker.pid()).filter((pid) => pid !== undefined);
    for (const pid of pids) signal(pid, "SIGSTOP");
    await sleep(500 + draw() * 2_500);
    for (const pid of pids) signal(pid, "SIGCONT");
    return `${pids.length}`;
  },
};

const killServer: Evil = {
  name: "kill the server",
  weight: 3,
  async act({ server }, draw) {
    server.kill(100 + draw() * 500);
    return "";
  },
};

const stallServer: Evil = {
  name: "stall the server",
  weight: 4,
  async act({ server }, draw) {
    const pid = server.pid();
    if (pid === undefined) return undefined;
    signal(pid, "SIGSTOP");
    await sleep(200 + draw() * 1_500);
    signal(pid, "SIGCONT");
    return "";
  },
};

export const serviceEvils = [killWorker, stallWorkers, killServer, stallServer];
