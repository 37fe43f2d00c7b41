// Which act each of Ark's actions needs of the caller's role. Nothing else decides who may call what.
import { TaishiError } from "../../errors.ts";
import { type Act, type Caller, may } from "../../identity/caller.ts";

const acts = { ListAuditLogs: "read" } as const satisfies Record<string, Act>;

/** @throws TaishiError forbidden, naming the operation as Volcengine does */
export function authorise(caller: Caller, action: keyof typeof acts): void {
  if (!may(caller, acts[action])) throw new TaishiError("forbidden", undefined, { subject: `ark:${action}` });
}
