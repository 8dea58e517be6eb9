import type { Args, Outcome, Row } from "../doors/door.ts";
import type { Working } from "./client.ts";
import type { Reading } from "./deed.ts";
import { count, see } from "./known.ts";

/** What no call may ever be told, whatever it was: that it was in a deadlock, as all take what they wait for in one order. */
export const scandalOf = (outcome: Outcome): string | undefined =>
  outcome.is !== "answered" && outcome.code === "40P01" ? "was told of a deadlock" : undefined;

/** What a judge says of an answer; or that it is nothing that he can read. */
export function verdictOf<T>(judge: (rows: Row[]) => T, rows: Row[]): T | { wrong: string } {
  try {
    return judge(rows);
  } catch (error) {
    return { wrong: `${error}: ${JSON.stringify(rows.slice(0, 3))}` };
  }
}

/** Asks, and page after page if the answer goes on; writes down what it was told, or says what is wrong with it. */
export async function read(options: Working, reading: Reading): Promise<void> {
  const { known, name } = options;
  if ((reading.call[1] as Args)["ledger"] === known.past.ledger)
    return readPast(options, reading.call);
  const door = reading.isGuest ? options.guest! : options.door;
  let call = reading.call;
  for (;;) {
    const [does, request] = call;
    const sent = performance.now();
    const outcome = await door.call(does, request);
    const ended = performance.now();
    count(known, does, outcome.is === "answered" ? "ok" : outcome.code);
    const wrong = objectionTo(outcome, reading);
    if (wrong)
      known.lies.push({
        what: `${does} ${JSON.stringify(request)} ${wrong}`,
        about: `${name} ${sent}`,
      });
    if (outcome.is !== "answered" || wrong) return;
    const { rows } = outcome;
    if (!reading.judge) {
      for (const row of rows) see(known, row);
      return void known.reads.push({ does, request, sent, ended, rows, client: name });
    }
    const verdict = verdictOf(reading.judge, rows);
    if (!verdict) return;
    if ("wrong" in verdict)
      return void known.lies.push({
        what: `${does} ${JSON.stringify(request)}: ${verdict.wrong}`,
        about: `${name} ${sent}`,
      });
    call = verdict.next;
  }
}

/** What is wrong with how it ended: a read is answered, unless it is one that must or may be refused. */
function objectionTo(outcome: Outcome, { refused }: Reading): string | undefined {
  const must = refused && "must" in refused ? refused.must : undefined;
  if (outcome.is === "answered") return must && `was answered, and must be refused with ${must}`;
  if (outcome.is === "refused") {
    if (must === outcome.code) return undefined;
    if (refused && "may" in refused && refused.may(outcome.code)) return undefined;
    return `was refused with ${outcome.code}: ${JSON.stringify(outcome.detail)}`;
  }
  return scandalOf(outcome);
}

/** What is told of the past, and which refusals are right, is judged with what is known of absent months. */
async function readPast(
  { known, door, name }: Working,
  [does, request]: [string, Args],
): Promise<void> {
  const sent = performance.now();
  const outcome = await door.call(does, request);
  const code = outcome.is === "answered" ? undefined : outcome.code;
  count(known, "look back", code ?? "ok");
  if (outcome.is === "busy" || outcome.is === "lost") {
    const scandal = scandalOf(outcome);
    if (scandal) known.lies.push({ what: `${does} ${scandal}`, about: `${name} ${sent}` });
    return;
  }
  const told =
    outcome.is === "answered"
      ? { rows: outcome.rows, detail: undefined }
      : { rows: [], detail: outcome.detail };
  known.past.reads.push({
    does,
    request,
    sent,
    ended: performance.now(),
    code,
    client: name,
    ...told,
  });
}
