// What the own API administers, put together from the stores: accounts with their logs, and users' tokens. Audited by the server, in
// the log of who asked and of the account concerned; the command line's way to the same is operations.ts.
import { TaishiError } from "../errors.ts";
import type { Account } from "../identity/identity-records.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import type { AccountAdministration, AccountInfo } from "../server/account-routes.ts";
import type { LedgerClient } from "./ledger-client.ts";

export function accountAdministration(identity: IdentityStore, ledger: LedgerClient): AccountAdministration {
  const shown = ({ id, name, created }: Account): AccountInfo => ({
    id,
    name,
    created,
    size: ledger.size(id),
    logVisibility: identity.logVisibility(id),
    retentionDays: identity.retentionDays(id),
    minimumIndex: ledger.minimum(id),
  });
  const known = (id: string): AccountInfo => shown(identity.account(id)!);
  return {
    accounts: () => identity.listAccounts().map(shown),
    account: (id) => {
      const account = identity.account(id);
      return account === undefined ? undefined : shown(account);
    },
    createAccount: async ({ name, id, salted }) => {
      const account = identity.createAccount({ name, id });
      // A stop in between leaves an account whose log is made at the next start.
      await ledger.createLog(account.id, salted === true);
      return shown(account);
    },
    setLogVisibility: async (id, visibility) => {
      await checkVisibility(ledger, id, visibility);
      identity.setLogVisibility(id, visibility);
      return known(id);
    },
    setRetention: async (id, days) => {
      identity.setRetentionDays(id, days);
      return known(id);
    },
  };
}

/** @throws TaishiError invalid-parameter: hashes alone may be public only where salts keep entries from being guessed */
export async function checkVisibility(ledger: Pick<LedgerClient, "status">, account: string, visibility: string) {
  if (visibility !== "hashes") return;
  const log = (await ledger.status()).find((status) => status.account === account);
  if (log?.salted === false)
    throw new TaishiError(
      "invalid-parameter",
      "logVisibility: the log has no salts, so its entries could be guessed from their hashes; make an account with --salted",
      { field: "logVisibility" },
    );
}
