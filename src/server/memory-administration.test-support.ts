// Accounts in memory, and keys and searches of which there are none, for the server's tests. Keys and searches are tested over the
// identity store itself. Only tests import this file.
import { TaishiError } from "../errors.ts";
import { alreadyExists } from "../identity/naming.ts";
import type { AccountAdministration, AccountInfo } from "./account-routes.ts";
import type { KeyAdministration } from "./key-routes.ts";
import type { ServerOptions } from "./server.ts";

export class MemoryAccounts implements AccountAdministration {
  readonly #accounts = new Map<string, AccountInfo>();

  constructor(ids: readonly string[]) {
    for (const id of ids) this.#put({ id, name: `name of ${id}` });
  }

  accounts(): readonly AccountInfo[] {
    return [...this.#accounts.values()];
  }

  account(id: string): AccountInfo | undefined {
    return this.#accounts.get(id);
  }

  async createAccount({ name, id = `3${this.#accounts.size}` }: Parameters<AccountAdministration["createAccount"]>[0]) {
    if (this.accounts().some((account) => account.name === name)) throw alreadyExists("name", `${name} exists`, name);
    return this.#put({ id, name });
  }

  async setLogVisibility(id: string, logVisibility: AccountInfo["logVisibility"]): Promise<AccountInfo> {
    return this.#put({ ...this.#accounts.get(id)!, logVisibility });
  }

  async setRetention(id: string, retentionDays: number | undefined): Promise<AccountInfo> {
    return this.#put({ ...this.#accounts.get(id)!, retentionDays });
  }

  #put(account: Partial<AccountInfo> & Pick<AccountInfo, "id" | "name">): AccountInfo {
    const unset = { created: 1_700_000_000_000, size: 7, retentionDays: undefined, minimumIndex: 0 };
    const whole = { ...unset, logVisibility: "private", ...account } as const;
    this.#accounts.set(account.id, whole);
    return whole;
  }
}

const none = (): never => {
  throw new TaishiError("not-found");
};

export const noKeys: KeyAdministration = {
  accountExists: () => false,
  listKeys: () => [],
  key: () => undefined,
  createKey: none,
  setKeyStatus: none,
  setExpiry: none,
  rotateKey: none,
  deleteKey: none,
  userTokens: () => [],
  revokeUserToken: () => undefined,
};

export const noSearches: ServerOptions["searches"] = { list: () => [], create: none, change: none, delete: none };
