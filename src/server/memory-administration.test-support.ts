// Accounts, trails and audit files in memory, and keys and searches of which there are none, for the server's tests. Keys and searches are tested over the
// identity store itself. Only tests import this file.
import { TaishiError } from "../errors.ts";
import { alreadyExists } from "../identity/naming.ts";
import type { AccountAdministration, AccountInfo } from "./account-routes.ts";
import type { ClosedFile, DatabaseAuditFiles, Policy } from "./database-routes.ts";
import type { KeyAdministration } from "./key-routes.ts";
import type { ServerOptions } from "./server.ts";
import type { TrailInfo, TrailList } from "./trail-route.ts";

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

/** The files of one instance of one account; the other tests put none in. */
export class MemoryAuditFiles implements DatabaseAuditFiles {
  readonly statementTypes = ["SELECT", "INSERT"];
  readonly files: (ClosedFile & { readonly account: string; readonly content: string })[] = [];
  readonly #policies = new Map<string, Policy>();

  async list(
    { account, instance }: Ref,
    { from, to, order, offset, limit }: Parameters<DatabaseAuditFiles["list"]>[1],
  ) {
    const found = this.files.filter(
      (file) => file.account === account && file.instance === instance && file.begin <= to && file.end >= from,
    );
    if (order === "desc") found.reverse();
    return { files: found.slice(offset, offset + limit), total: found.length };
  }

  async file(ref: Ref, id: string): Promise<ClosedFile | undefined> {
    return this.files.find((file) => file.account === ref.account && file.instance === ref.instance && file.id === id);
  }

  async *content(_: Ref, { id }: ClosedFile): AsyncGenerator<Uint8Array> {
    for (const piece of this.files.find((file) => file.id === id)!.content) yield Buffer.from(piece);
  }

  async policy({ instance }: Ref): Promise<Policy> {
    return this.#policies.get(instance) ?? { keepDays: 7, reserve: true, types: [], fullSql: false };
  }

  async setPolicy({ instance }: Ref, policy: Policy): Promise<void> {
    const unknown = policy.types.find((type) => !this.statementTypes.includes(type));
    if (unknown !== undefined) throw new TaishiError("invalid-parameter", `types: ${unknown}`, { field: "types" });
    this.#policies.set(instance, policy);
  }
}
type Ref = Parameters<DatabaseAuditFiles["file"]>[0];

export class MemoryTrails implements TrailList {
  readonly trails = new Map<string, readonly TrailInfo[]>();

  async list(account: string): Promise<readonly TrailInfo[]> {
    return this.trails.get(account) ?? [];
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
