/** A program for processes.test.ts: when a process started, as a system without /proc tells it. */
Object.defineProperty(process, "platform", { value: "darwin" });
const { startedAt } = await import("../../src/embedded/processes.ts");
process.stdout.write(`${startedAt(1)}`);
