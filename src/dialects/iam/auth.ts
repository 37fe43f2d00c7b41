// Which act each of IAM's operations needs of the caller's role: making a project is for admins; what an SDK has to ask about
// itself before its first call is open to every key and user. Nothing else decides who may call what.
import { TaishiError } from "../../errors.ts";
import { type Caller, may } from "../../identity/caller.ts";

/** @throws TaishiError forbidden */
export function authoriseProjectCreation(caller: Caller): void {
  if (!may(caller, "administer"))
    throw new TaishiError("forbidden", "Only admins create projects; ask one, or give the SDK a project id.");
}
