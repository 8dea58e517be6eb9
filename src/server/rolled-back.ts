import { SafeError } from "postgraphile/grafast";

/** Said for the fields of a mutation that were undone, or not begun, because another one failed. */
export class RolledBackError extends SafeError {
  constructor() {
    super("nothing of this was kept: another field of the same mutation failed", {
      code: "ROLLED_BACK",
    });
  }
}
