// Accounts, and the face of all that DATA/identity.db knows: keys, projects, instances, users, their tokens. A store of its
// own that is not derived from the ledger. Every change is fsynced before it returns and holds from the next lookup on;
// lookups are answered from memory. Each kind of thing has its file: key-store, directory-store, user-store, sign-in.
// Lost: all keys and users are unknown until restored. Rolled back: what changed since is as it was. Written by an attacker:
// they can let themselves in (a role, a digest, a password's hash), but neither read a secret nor pass one off as another key's.
import type { KeyObject } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { AccountSettings, type LogVisibility } from "./account-settings.ts";
import { AddressBrake, networkOf } from "./address-brake.ts";
import type { Caller, Keyring } from "./caller.ts";
import { newAccountId, tokenDigest } from "./credential.ts";
import type { Directory, Instance, Project, SignIn, UserToken } from "./directory.ts";
import {
  directorySchema,
  type NewUser,
  type UserInfo,
  type UserStatus,
  type UserTokenInfo,
} from "./directory-records.ts";
import { DirectoryStore } from "./directory-store.ts";
import { FirstLink } from "./first-link.ts";
import { IdentityFile } from "./identity-file.ts";
import {
  type Account,
  type FirstKey,
  type IssuedKey,
  type KeyInfo,
  type KeyStatus,
  type NewKey,
  type RequireAccount,
  schema,
} from "./identity-records.ts";
import { KeyStore } from "./key-store.ts";
import { alreadyExists, checkAccountId, checkName, operatorAccount, refusal } from "./naming.ts";
import { Passwords, type Scrypt } from "./password.ts";
import { SavedSearches, searchOwner } from "./saved-searches.ts";
import { seal, unseal } from "./seal.ts";
import { PasswordSignIn } from "./sign-in.ts";
import { UserStore } from "./user-store.ts";
import { UserTokens } from "./user-tokens.ts";

export interface IdentityStoreOptions {
  readonly path: string;
  readonly sealingKey: KeyObject;
  readonly clock: Clock;
  /** How passwords are hashed; Node's by default. */
  readonly scrypt?: Scrypt;
}

/** Sealed once at creation: tells a wrong sealing key even where there are no keys yet. No access key has a space. */
const sealingCheck = { subject: "of the sealing check", text: "taishi" };

export class IdentityStore implements Keyring, Directory, SignIn {
  #onInstance: (instance: Instance) => void = () => {};
  readonly #file: IdentityFile;
  readonly #sealingKey: KeyObject;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();
  readonly #accountsByName = new Map<string, Account>();
  readonly #settings: AccountSettings;
  readonly #keys: KeyStore;
  readonly #directory: DirectoryStore;
  readonly #users: UserStore;
  readonly #signIn: PasswordSignIn;
  readonly searches: SavedSearches;
  readonly #tokens: UserTokens;
  readonly #brake: AddressBrake;
  readonly #firstLink: FirstLink;

  /**
   * Opens the store, creating it where it is missing. One process at a time (durable/owner.ts).
   * @throws Fatal where the file is not one, is of a newer format, or was sealed with another key
   */
  constructor({ path, sealingKey, clock, scrypt }: IdentityStoreOptions) {
    this.#sealingKey = sealingKey;
    this.#clock = clock;
    const file = new IdentityFile(path, (database) => this.#create(database));
    this.#file = file;
    try {
      const requireAccount: RequireAccount = (account, things) => this.#requireAccount(account, things);
      file.keepLoaded(() => this.#load());
      this.#settings = new AccountSettings({ file, requireAccount });
      this.searches = new SavedSearches({ file, clock });
      this.#keys = new KeyStore({ file, sealingKey, clock, requireAccount });
      this.#directory = new DirectoryStore({ file, clock, requireAccount });
      this.#tokens = new UserTokens({ file, clock });
      this.#brake = new AddressBrake({ clock });
      const tokens = this.#tokens;
      const passwords = new Passwords(scrypt === undefined ? {} : { scrypt });
      this.#users = new UserStore({ file, clock, requireAccount, passwords, tokens });
      this.#signIn = new PasswordSignIn({
        directory: this,
        users: this.#users,
        tokens,
        passwords,
        brake: this.#brake,
      });
      this.#firstLink = new FirstLink({ file, clock, users: this.#users, tokens, brake: this.#brake });
    } catch (thrown) {
      file.close();
      throw thrown;
    }
  }

  close(): void {
    this.#file.close();
    this.#keys.close();
  }

  /** All accounts, the reserved one included, in order of creation. */
  listAccounts(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  accountByName(name: string): Account | undefined {
    return this.#accountsByName.get(name);
  }

  /** @throws TaishiError invalid-parameter (field), already-exists (field) */
  createAccount(input: { readonly name: string; readonly id?: string | undefined }): Account {
    return this.#file.change(() => this.#insertAccount(input));
  }

  /** Days that the account's events are kept; undefined: for ever. */
  retentionDays(account: string): number | undefined {
    return this.#settings.retentionDays(account);
  }

  /** @throws TaishiError invalid-parameter, not-found */
  setRetentionDays(account: string, days: number | undefined): void {
    this.#settings.setRetentionDays(account, days);
  }

  /** "private" where there is no such account. */
  logVisibility(account: string): LogVisibility {
    return this.#settings.logVisibility(account);
  }

  /** @throws TaishiError invalid-parameter, not-found */
  setLogVisibility(account: string, visibility: LogVisibility): void {
    this.#settings.setLogVisibility(account, visibility);
  }

  /**
   * On a store without accounts makes the first, "default", with a key that is operator and admin; else does nothing.
   * @param deliver takes the key to where its owner will find it, before it is committed: if the machine stops in between,
   *   the next start makes another, and none exists that nobody has seen. If it throws, nothing was made.
   */
  bootstrap(deliver: (key: FirstKey) => void = () => {}): FirstKey | undefined {
    if (this.#accounts.size > 1) return undefined;
    return this.#file.change(() => {
      const { id } = this.#insertAccount({ name: "default" });
      const key = {
        ...this.#keys.insert({ account: id, role: "admin", operator: true }),
        firstLink: this.#firstLink.issue(id),
      };
      deliver(key);
      return key;
    });
  }

  byAccessKey(accessKey: string): { readonly caller: Caller; readonly secretKey: string } | undefined {
    return this.#keys.byAccessKey(accessKey);
  }

  byToken(token: string): Caller | undefined {
    return this.#keys.byToken(token);
  }

  /**
   * Makes a key, or imports a pair that exists; either way with a new token.
   * @throws TaishiError invalid-parameter, missing-parameter, already-exists (field); not-found where there is no such account
   */
  createKey(input: NewKey): IssuedKey {
    return this.#file.change(() => this.#keys.insert(input));
  }

  /** Keys of one account, or of all, in order of creation. */
  listKeys({ account }: { readonly account?: string | undefined } = {}): readonly KeyInfo[] {
    return this.#keys.list(account);
  }

  /** The key, whatever its status, or undefined. */
  key(accessKey: string): KeyInfo | undefined {
    return this.#keys.get(accessKey);
  }

  /** @throws TaishiError not-found; invalid-parameter where no operator key would be left */
  setKeyStatus(accessKey: string, status: KeyStatus): KeyInfo {
    return this.#keys.setStatus(accessKey, status);
  }

  /** @param expires epoch milliseconds in the future, or undefined for never
   *  @throws TaishiError not-found, invalid-parameter */
  setExpiry(accessKey: string, expires: number | undefined): KeyInfo {
    return this.#keys.setExpiry(accessKey, expires);
  }

  /**
   * Gives the access key a new secret and a new token; the old ones stop at once. Status and expiry stay as they are.
   * @throws TaishiError not-found
   */
  rotateKey(accessKey: string): IssuedKey {
    return this.#keys.rotate(accessKey);
  }

  /** @throws TaishiError not-found; invalid-parameter where no operator key would be left */
  deleteKey(accessKey: string): KeyInfo {
    const key = this.#keys.delete(accessKey);
    this.searches.deleteAllOf(searchOwner(key));
    return key;
  }

  project(id: string): Project | undefined {
    return this.#directory.project(id);
  }

  projects(account: string): readonly Project[] {
    return this.#directory.projects(account);
  }

  /** @throws TaishiError invalid-parameter, already-exists (field); not-found where there is no such account */
  createProject(input: Parameters<Directory["createProject"]>[0]): Project {
    return this.#directory.createProject(input);
  }

  instance(id: string): Instance | undefined {
    return this.#directory.instance(id);
  }

  instances(project: string): readonly Instance[] {
    return this.#directory.instances(project);
  }

  /** @throws TaishiError invalid-parameter, already-exists (field); not-found where there is no such project */
  createInstance(input: Parameters<Directory["createInstance"]>[0]): Instance {
    const instance = this.#directory.createInstance(input);
    this.#onInstance(instance);
    return instance;
  }

  /** Who is told of every instance that is made from now on. */
  onInstance(listener: (instance: Instance) => void): void {
    this.#onInstance = listener;
  }

  /** The user, whatever its status. */
  user(id: string): UserInfo | undefined {
    return this.#users.user(id);
  }

  users(account: string): readonly UserInfo[] {
    return this.#users.users(account);
  }

  /** @throws TaishiError invalid-parameter, already-exists (field); not-found where there is no such account; rate-limited */
  createUser(input: NewUser): Promise<UserInfo> {
    return this.#users.create(input);
  }

  /** The user's tokens are void at once. @throws TaishiError not-found, invalid-parameter, rate-limited */
  setUserPassword(id: string, password: string): Promise<UserInfo> {
    return this.#users.setPassword(id, password);
  }

  /** Disabling makes the user's tokens void for good. @throws TaishiError not-found, invalid-parameter */
  setUserStatus(id: string, status: UserStatus): UserInfo {
    return this.#users.setStatus(id, status);
  }

  /** @throws TaishiError not-found */
  deleteUser(id: string): UserInfo {
    const user = this.#users.user(id);
    if (user !== undefined) this.searches.deleteAllOf(searchOwner({ ...user, accessKey: "", userName: user.name }));
    return this.#users.delete(id);
  }

  /** Usable tokens of an account's users. */
  userTokens(account: string): readonly UserTokenInfo[] {
    return this.#users
      .users(account)
      .filter(({ status }) => status === "enabled")
      .flatMap(({ id: user, name: userName }) =>
        this.#tokens.of(user).map(([digest, { project, issued, expires }]) => ({
          id: digest.slice(0, 16),
          user,
          userName,
          project,
          issued,
          expires,
        })),
      );
  }

  /** @returns the token as it was, or undefined where the account has none of this id */
  revokeUserToken(account: string, id: string): UserTokenInfo | undefined {
    const token = this.userTokens(account).find((each) => each.id === id);
    const digest = token && this.#tokens.of(token.user).find(([each]) => each.startsWith(id))?.[0];
    if (digest !== undefined) this.#tokens.revokeDigest(digest);
    return token;
  }

  accountExists(id: string): boolean {
    return this.#accounts.has(id);
  }

  signIn(input: Parameters<SignIn["signIn"]>[0]): ReturnType<SignIn["signIn"]> {
    return this.#signIn.signIn(input);
  }

  byUserToken(token: string): UserToken | undefined {
    return this.#signIn.byUserToken(token);
  }

  revoke(token: string): void {
    this.#signIn.revoke(token);
  }

  /**
   * Whose token it is, for a session. A user's token for one project opens none. Slowed down like passwords.
   * @throws TaishiError invalid-token | forbidden | rate-limited
   */
  signInByToken({ token, address }: { readonly token: string; readonly address: string }): string {
    const network = networkOf(address);
    this.#brake.check(network);
    const digest = tokenDigest(token);
    if (this.#signIn.byDigest(digest)?.project !== undefined)
      throw new TaishiError("forbidden", "the token is for one project; sign in without a project as its scope");
    if (this.callerOf(digest) === undefined) {
      this.#brake.failed(network);
      throw new TaishiError("invalid-token");
    }
    return digest;
  }

  /** Who a usable token of a key or user is of, by its digest; undefined where it is for one project. */
  callerOf(digest: string): Caller | undefined {
    const held = this.#signIn.byDigest(digest);
    return held === undefined ? this.#keys.byDigest(digest) : held.project === undefined ? held.caller : undefined;
  }

  /** Makes a user's token void by its digest. */
  revokeDigest(digest: string): void {
    this.#tokens.revokeDigest(digest);
  }

  /** Makes the first user with the first link. @throws TaishiError as FirstLink.use does */
  useFirstLink(input: Parameters<FirstLink["use"]>[0]): ReturnType<FirstLink["use"]> {
    return this.#firstLink.use(input);
  }

  #create(database: DatabaseSync): void {
    database.exec(schema + directorySchema);
    database
      .prepare("INSERT INTO accounts (id, name, created) VALUES (?, 'operator', ?)")
      .run(operatorAccount, this.#clock.now());
    database
      .prepare("INSERT INTO sealing_check (sealed) VALUES (?)")
      .run(seal(this.#sealingKey, sealingCheck.subject, sealingCheck.text));
  }

  #insertAccount({ name, id }: { readonly name: string; readonly id?: string | undefined }): Account {
    checkName(name);
    if (id !== undefined) {
      checkAccountId(id);
      if (this.#accounts.has(id)) throw alreadyExists("id", `an account ${id} exists already`, id);
    }
    if (this.#accountsByName.has(name)) throw alreadyExists("name", `an account named ${name} exists already`, name);
    const account: Account = Object.freeze({ id: id ?? this.#freeAccountId(), name, created: this.#clock.now() });
    this.#file.run("INSERT INTO accounts (id, name, created) VALUES (?, ?, ?)", account.id, name, account.created);
    this.#hold(account);
    return account;
  }

  #freeAccountId(): string {
    for (let tries = 0; tries < 100; tries++) {
      const id = newAccountId();
      if (!this.#accounts.has(id)) return id;
    }
    throw new TaishiError("internal", "no free account number was found");
  }

  #requireAccount(account: unknown, things: string): void {
    if (account === operatorAccount) throw refusal("account", `the reserved account 0 has no ${things}`);
    if (typeof account !== "string" || !this.#accounts.has(account)) {
      const subject = String(account);
      throw new TaishiError("not-found", `there is no account ${subject}`, { field: "account", subject });
    }
  }

  #load(): void {
    const check = this.#file.row("SELECT sealed FROM sealing_check");
    try {
      unseal(this.#sealingKey, sealingCheck.subject, check?.sealed as Uint8Array);
    } catch (cause) {
      throw new Fatal("the sealing key is not the one that the identity store was made with", {
        hint: "Restore the secrets that belong to this data directory.",
        cause,
      });
    }
    this.#accounts.clear();
    this.#accountsByName.clear();
    for (const row of this.#file.rows("SELECT id, name, created FROM accounts ORDER BY rowid"))
      this.#hold(Object.freeze({ ...row }) as unknown as Account);
  }

  #hold(account: Account): void {
    this.#accounts.set(account.id, account);
    this.#accountsByName.set(account.name, account);
  }
}
