// Bearer tokens of the own API: those of keys, and those that users signed in for with a password. Adds nothing to what
// either allows; a token that was asked for one project opens nothing here, because what is here is the whole account's.
import { TaishiError } from "../errors.ts";
import type { Keyring } from "../identity/caller.ts";
import type { SignIn } from "../identity/directory.ts";

/** How such tokens begin. */
const userTokens = "ust_";

export function bearerKeyring(
  keys: Pick<Keyring, "byToken">,
  signIn: Pick<SignIn, "byUserToken">,
): Pick<Keyring, "byToken"> {
  return {
    /** @throws TaishiError forbidden where the token is for one project */
    byToken: (token) => {
      if (!token.startsWith(userTokens)) return keys.byToken(token);
      const held = signIn.byUserToken(token);
      if (held?.project !== undefined)
        throw new TaishiError("forbidden", "the token is for one project; sign in without a project as its scope");
      return held?.caller;
    },
  };
}
