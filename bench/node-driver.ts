import { readFileSync } from "node:fs";
import { Client } from "../src/client.ts";
import { parseScript, type Step, type Variables } from "./script.ts";

export type Load = {
  url: string;
  /** A file in pgbench's language. */
  file: string;
  /** Settings of the sessions, as in PGOPTIONS. */
  options?: string | undefined;
  clients: number;
  seconds: number;
  variables: Variables;
};

/**
 * Runs a script over and over with prepared statements, as pgbench does, for where there is none. It takes several times
 * the processor time of pgbench, for both sides of a ratio alike.
 * @returns runs per second
 */
export async function runByNode(load: Load): Promise<number> {
  const steps = parseScript(readFileSync(load.file, "utf8"));
  const { url: connectionString, options = "" } = load;
  const sessions = Array.from(
    { length: load.clients },
    () => new Client({ connectionString, options }),
  );
  try {
    await Promise.all(sessions.map((session) => session.connect()));
    const start = performance.now();
    const end = start + load.seconds * 1000;
    const counts = await Promise.all(
      sessions.map((session, client_id) => {
        const variables = { ...load.variables, client_id };
        return repeat(session, steps, variables, end);
      }),
    );
    const runs = counts.reduce((sum, count) => sum + count, 0);
    return (1000 * runs) / (performance.now() - start);
  } finally {
    await Promise.all(sessions.map((session) => session.end().catch(() => {})));
  }
}

async function repeat(
  client: Client,
  steps: Step[],
  variables: Variables,
  end: number,
): Promise<number> {
  let count = 0;
  for (; performance.now() < end; count++) await runOnce(client, steps, variables);
  return count;
}

/** Runs a script once; what it sets is in the variables. Statements are prepared, one script a session. */
export async function runOnce(client: Client, steps: Step[], variables: Variables): Promise<void> {
  for (const [n, step] of steps.entries()) {
    if (step.kind === "set") variables[step.name] = step.value(variables);
    else {
      const values = step.names.map((name) => variables[name]);
      await client.query({ name: `step ${n}`, text: step.text, values });
    }
  }
}
