// Which act each of CloudTrail's actions needs of the caller's role: auditors and admins read, only admins change.
import { type Act, type Caller, may } from "../../identity/caller.ts";
import { refuse } from "./errors.ts";

export const acts = {
  LookupEvents: "read",
  DescribeTrails: "read",
  CreateTrail: "administer",
  UpdateTrail: "administer",
  DeleteTrail: "administer",
  StartLogging: "administer",
  StopLogging: "administer",
} as const satisfies Record<string, Act>;

export type ActionName = keyof typeof acts;

/** @throws TaishiError forbidden */
export function authorise(caller: Caller, action: ActionName): void {
  if (!may(caller, acts[action])) throw refuse("AccessDenied");
}
