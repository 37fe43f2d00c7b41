// What an operator can have done from the command line, as functions of plain data: called in place when no server owns
// the data directory, and through the control socket when one does. One implementation, two ways to reach it.
import { createReadStream } from "node:fs";
import type { ImportOutcome } from "../audit-files/importer.ts";
import { TaishiError } from "../errors.ts";
import type { LogVisibility } from "../identity/account-settings.ts";
import type { Role } from "../identity/caller.ts";
import type { Instance, Project } from "../identity/directory.ts";
import type { UserInfo, UserStatus } from "../identity/directory-records.ts";
import type { Account, IssuedKey, KeyInfo, KeyStatus } from "../identity/identity-records.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { operatorAccount } from "../identity/naming.ts";
import type { Receipt } from "../ledger/port.ts";
import type { CheckpointRow } from "../ledger/store.ts";
import { readBatch } from "../server/append.ts";
import { checkVisibility } from "./administration.ts";
import type { DatabaseAudit } from "./database-audit.ts";
import type { IndexClient } from "./index-client.ts";
import type { IndexProgress } from "./index-thread.ts";
import type { LedgerClient } from "./ledger-client.ts";
import type { KeyChange, LogKeyRotation } from "./log-key-rotation.ts";
import { appendChunk } from "./operation-names.ts";
import type { Retention, RetentionOutcome } from "./retention.ts";

export interface AccountSummary extends Account {
  /** Entries of its log. */
  readonly size: number;
  readonly logVisibility: LogVisibility;
  /** Days that its events are kept; null: for ever. */
  readonly retentionDays: number | null;
  /** Entries below are past their retention. */
  readonly minimumIndex: number;
}

export interface OperationsOptions {
  readonly identity: IdentityStore;
  readonly ledger: LedgerClient;
  /** This and the two below are absent where the command at hand needs none. */
  readonly index: IndexClient | undefined;
  readonly databaseAudit: DatabaseAudit | undefined;
  readonly retention: Retention | undefined;
  readonly rotation: LogKeyRotation;
}

export class Operations {
  readonly #identity: IdentityStore;
  readonly #ledger: LedgerClient;
  readonly #index: IndexClient | undefined;
  readonly #databaseAudit: DatabaseAudit | undefined;
  readonly #retention: Retention | undefined;
  readonly #rotation: LogKeyRotation;

  constructor({ identity, ledger, index, databaseAudit, retention, rotation }: OperationsOptions) {
    this.#identity = identity;
    this.#ledger = ledger;
    this.#index = index;
    this.#databaseAudit = databaseAudit;
    this.#retention = retention;
    this.#rotation = rotation;
  }

  /** An account and its log. A crash between the two leaves an account whose log is made at the next start. */
  async createAccount(input: {
    readonly name: string;
    readonly id?: string;
    readonly salted?: boolean;
  }): Promise<Account> {
    const account = this.#identity.createAccount({ name: input.name, id: input.id });
    await this.#ledger.createLog(account.id, input.salted === true);
    return account;
  }

  async listAccounts(): Promise<readonly AccountSummary[]> {
    return this.#identity.listAccounts().map((account) => ({
      ...account,
      size: this.#ledger.size(account.id),
      logVisibility: this.#identity.logVisibility(account.id),
      retentionDays: this.#identity.retentionDays(account.id) ?? null,
      minimumIndex: this.#ledger.minimum(account.id),
    }));
  }

  /** @throws TaishiError invalid-parameter: hashes alone may be public only where salts keep entries from being guessed */
  async setLogVisibility(input: { readonly account: string; readonly visibility: LogVisibility }): Promise<void> {
    const { account, visibility } = input;
    await checkVisibility(this.#ledger, account, visibility);
    this.#identity.setLogVisibility(account, visibility);
  }

  /** @param input.days null: for ever. It is applied within the hour, or by applyRetention. */
  async setRetention(input: { readonly account: string; readonly days: number | null }): Promise<void> {
    this.#identity.setRetentionDays(input.account, input.days ?? undefined);
  }

  /** Of one account, or of all that have a setting. */
  async applyRetention(input: { readonly account?: string }): Promise<readonly RetentionOutcome[]> {
    if (this.#retention === undefined) throw new TaishiError("internal", "the index is not open");
    const outcomes: RetentionOutcome[] = [];
    for (const account of this.#accountIds(input)) {
      if (this.#identity.account(account) === undefined)
        throw new TaishiError("not-found", `there is no account ${account}`, { field: "account" });
      if (this.#identity.retentionDays(account) !== undefined) outcomes.push(await this.#retention.apply(account));
    }
    return outcomes;
  }

  async createKey(input: {
    readonly account: string;
    readonly role: Role;
    readonly operator?: boolean;
    readonly accessKey?: string;
    readonly secretKey?: string;
    readonly expires?: number;
    readonly name?: string;
  }): Promise<IssuedKey> {
    return this.#identity.createKey(input);
  }

  async listKeys(input: { readonly account?: string }): Promise<readonly KeyInfo[]> {
    return this.#identity.listKeys(input);
  }

  async setKeyStatus(input: { readonly accessKey: string; readonly status: KeyStatus }): Promise<KeyInfo> {
    return this.#identity.setKeyStatus(input.accessKey, input.status);
  }

  async setKeyExpiry(input: { readonly accessKey: string; readonly expires?: number }): Promise<KeyInfo> {
    return this.#identity.setExpiry(input.accessKey, input.expires);
  }

  async rotateKey(input: { readonly accessKey: string }): Promise<IssuedKey> {
    return this.#identity.rotateKey(input.accessKey);
  }

  async deleteKey(input: { readonly accessKey: string }): Promise<KeyInfo> {
    return this.#identity.deleteKey(input.accessKey);
  }

  async createProject(input: {
    readonly account: string;
    readonly name: string;
    readonly id?: string;
  }): Promise<Project> {
    return this.#identity.createProject(input);
  }

  /** Of one account, or of all. */
  async listProjects(input: { readonly account?: string }): Promise<readonly Project[]> {
    return this.#accountIds(input).flatMap((account) => this.#identity.projects(account));
  }

  async createInstance(input: { readonly project: string; readonly id?: string }): Promise<Instance> {
    return this.#identity.createInstance(input);
  }

  /** Of one project, or of all. */
  async listInstances(input: { readonly project?: string }): Promise<readonly Instance[]> {
    const projects = input.project === undefined ? (await this.listProjects({})).map(({ id }) => id) : [input.project];
    return projects.flatMap((project) => this.#identity.instances(project));
  }

  async createUser(input: {
    readonly account: string;
    readonly name: string;
    readonly role?: Role;
    readonly password: string;
  }): Promise<UserInfo> {
    return this.#identity.createUser(input);
  }

  /** Of one account, or of all. */
  async listUsers(input: { readonly account?: string }): Promise<readonly UserInfo[]> {
    return this.#accountIds(input).flatMap((account) => this.#identity.users(account));
  }

  /** The user's tokens are void from now on. */
  async setUserPassword(input: { readonly user: string; readonly password: string }): Promise<UserInfo> {
    return this.#identity.setUserPassword(input.user, input.password);
  }

  /** A disabled user's tokens stay void when it is enabled again. */
  async setUserStatus(input: { readonly user: string; readonly status: UserStatus }): Promise<UserInfo> {
    return this.#identity.setUserStatus(input.user, input.status);
  }

  async deleteUser(input: { readonly user: string }): Promise<UserInfo> {
    return this.#identity.deleteUser(input.user);
  }

  /** @param input.body NDJSON, at most appendChunk lines */
  async append(input: { readonly account: string; readonly body: string; readonly key?: string }): Promise<Receipt> {
    if (input.account === operatorAccount || this.#identity.account(input.account) === undefined)
      throw new TaishiError("not-found", `there is no account ${input.account}`, { field: "account" });
    const batch = readBatch(Buffer.from(input.body), {
      account: input.account,
      format: "ndjson",
      maxEvents: appendChunk,
      ...(input.key === undefined ? {} : { idempotencyKey: `cli:${input.key}` }),
    });
    return this.#ledger.append(batch);
  }

  /**
   * An existing database audit file, whole, with its name, id and times.
   * @param input.path absolute, read by the process that owns the data directory
   */
  async importAuditFile(input: {
    readonly account: string;
    readonly instance: string;
    readonly path: string;
    readonly name: string;
    readonly id?: string;
    readonly begin?: number;
    readonly end?: number;
  }): Promise<ImportOutcome> {
    if (this.#databaseAudit === undefined) throw new TaishiError("internal", "the index is not open");
    if (this.#identity.instance(input.instance)?.account !== input.account)
      throw new TaishiError("not-found", `account ${input.account} has no instance ${input.instance}`, {
        field: "instance",
      });
    const { account, instance, path, ...file } = input;
    return this.#databaseAudit.importer.import({ account, instance }, file, createReadStream(path));
  }

  /** The newest checkpoint of an account's log; it is kept for ever from now on. */
  async checkpoint(input: { readonly account: string }): Promise<CheckpointRow> {
    return this.#ledger.checkpoint(input.account);
  }

  /** A new signing key for all logs, each linked to it by a checkpoint that the old key signs too. */
  async rotateLogKey(): Promise<readonly KeyChange[]> {
    return this.#rotation.rotate();
  }

  async startReindex(): Promise<void> {
    if (this.#index === undefined) throw new TaishiError("internal", "the index is not open");
    await this.#index.rebuild();
  }

  async indexProgress(): Promise<IndexProgress> {
    if (this.#index === undefined) throw new TaishiError("internal", "the index is not open");
    return this.#index.progress();
  }

  #accountIds({ account }: { readonly account?: string }): readonly string[] {
    return account === undefined ? this.#identity.listAccounts().map(({ id }) => id) : [account];
  }
}
