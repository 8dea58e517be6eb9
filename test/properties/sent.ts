import type { Member } from "../support/ledgers.ts";
import { linesOfMoves, locksOf } from "./lines.ts";
import type { Model } from "./model.ts";
import type { Request } from "./requests.ts";

/** What is sent; bounds and versions are meant relative to how things are in the model. */
export function requestOf(model: Model, sent: Member[], request: Request): Member {
  if (request.earlier !== undefined && sent.length > 0) {
    return sent[request.earlier % sent.length]!;
  }
  const { status, key, external, effective, expires, declines } = request;
  const mayExpire = status === "pending" || request.isMisplaced;
  const member: Member = {
    entries: linesOfMoves(model, request.moves),
    ...(status && { status }),
    ...(key && { idempotency_key: key }),
    ...(external && { external_id: external }),
    ...(effective && { effective_at: effective }),
    ...(expires && mayExpire && { expires_at: expires }),
    ...(declines !== undefined && { archive_on_lock_failure: declines }),
    ...(request.locks && { category_locks: locksOf(model, request.locks) }),
  };
  if (key) sent.push(member);
  return member;
}
