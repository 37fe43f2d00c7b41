// Accounts and keys: DATA/identity.db, a store of its own that is not derived from the ledger. Every change is fsynced before
// it returns and holds from the next lookup on. Lookups are answered from memory. Secrets leave it three ways only: once
// when a key is issued, to verifiers through the Keyring, and sealed on disk; they are never logged.
// Lost: all keys are unknown until restored. Rolled back: keys changed since are as they were. Written by an attacker: they
// can let themselves in (a role, a status, a token's digest), but neither read a secret nor pass one off as another key's.
import type { KeyObject } from "node:crypto";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { openDatabase, transaction } from "../durable/database.ts";
import { ensurePrivateFile } from "../durable/secret-file.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { Caller, Keyring } from "./caller.ts";
import { newAccessKey, newAccountId, newSecretKey, newToken, tokenDigest } from "./credential.ts";
import {
  type Account,
  type HeldKey,
  type IssuedKey,
  type KeyInfo,
  type KeyRow,
  type KeyStatus,
  type NewKey,
  readKeyRow,
  schema,
} from "./identity-records.ts";
import {
  checkAccessKey,
  checkAccountId,
  checkExpiry,
  checkName,
  checkRole,
  checkSecretKey,
  operatorAccount,
  refusal,
} from "./naming.ts";
import { seal, unseal } from "./seal.ts";

export interface IdentityStoreOptions {
  readonly path: string;
  readonly sealingKey: KeyObject;
  readonly clock: Clock;
}

const file = { kind: "TSid", format: 1, synchronous: "FULL" } as const;

/** Sealed once at creation: tells a wrong sealing key even where there are no keys yet. No access key has a space. */
const sealingCheck = { subject: "of the sealing check", text: "taishi" };

const sqliteFull = 13;
/** SQLite's primary codes after which a change may or may not be on disk: IOERR, CORRUPT, NOTADB. */
const stateUnknown = new Set([10, 11, 26]);

export class IdentityStore implements Keyring {
  readonly #database: DatabaseSync;
  readonly #sealingKey: KeyObject;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();
  readonly #keys = new Map<string, HeldKey>();
  readonly #byDigest = new Map<string, HeldKey>();
  /** Whether the change under way has written anything, and so may have left memory ahead of the rows. */
  #written = false;

  /**
   * Opens the store, creating it where it is missing. One process at a time (durable/owner.ts).
   * @throws Fatal where the file is not one, is of a newer format, or was sealed with another key
   */
  constructor({ path, sealingKey, clock }: IdentityStoreOptions) {
    this.#sealingKey = sealingKey;
    this.#clock = clock;
    ensurePrivateFile(path);
    this.#database = openDatabase({ ...file, path, create: (database) => this.#create(database) });
    try {
      // What is deleted is overwritten in the file, so that no sealed secret outlives its key in a free page.
      this.#database.exec("PRAGMA secure_delete=ON");
      this.#load();
    } catch (thrown) {
      this.#database.close();
      throw thrown;
    }
  }

  close(): void {
    this.#database.close();
    this.#keys.clear();
    this.#byDigest.clear();
  }

  byAccessKey(accessKey: string): { readonly caller: Caller; readonly secretKey: string } | undefined {
    const key = this.#keys.get(accessKey);
    return key !== undefined && this.#isUsable(key) ? key.credential : undefined;
  }

  byToken(token: string): Caller | undefined {
    const key = this.#byDigest.get(tokenDigest(token));
    return key !== undefined && this.#isUsable(key) ? key.credential.caller : undefined;
  }

  /** All accounts, the reserved one included, in order of creation. */
  listAccounts(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  /** @throws TaishiError invalid-parameter (field), already-exists (field) */
  createAccount(input: { readonly name: string; readonly id?: string | undefined }): Account {
    return this.#change(() => this.#insertAccount(input));
  }

  /**
   * Makes a key, or imports a pair that exists; either way with a new token.
   * @throws TaishiError invalid-parameter, missing-parameter, already-exists (field); not-found where there is no such account
   */
  createKey(input: NewKey): IssuedKey {
    return this.#change(() => this.#insertKey(input));
  }

  /** Keys of one account, or of all, in order of creation. */
  listKeys({ account }: { readonly account?: string | undefined } = {}): readonly KeyInfo[] {
    const all = [...this.#keys.values()].map(({ info }) => info);
    return account === undefined ? all : all.filter((info) => info.account === account);
  }

  /** The key, whatever its status, or undefined. */
  key(accessKey: string): KeyInfo | undefined {
    return this.#keys.get(accessKey)?.info;
  }

  /** @throws TaishiError not-found; invalid-parameter where no operator key would be left */
  setKeyStatus(accessKey: string, status: KeyStatus): KeyInfo {
    if (status !== "enabled" && status !== "disabled") throw refusal("status", "must be enabled or disabled");
    return this.#change(() => {
      const key = this.#held(accessKey);
      if (status === "disabled") this.#refuseLastOperator(key, "disabled");
      this.#run("UPDATE keys SET status = ? WHERE access_key = ?", status, accessKey);
      return this.#reload(accessKey).info;
    });
  }

  /** @param expires epoch milliseconds in the future, or undefined for never
   *  @throws TaishiError not-found, invalid-parameter */
  setExpiry(accessKey: string, expires: number | undefined): KeyInfo {
    if (expires !== undefined) checkExpiry(expires, this.#clock.now());
    return this.#change(() => {
      this.#held(accessKey);
      this.#run("UPDATE keys SET expires = ? WHERE access_key = ?", expires ?? null, accessKey);
      return this.#reload(accessKey).info;
    });
  }

  /**
   * Gives the access key a new secret and a new token; the old ones stop at once. Status and expiry stay as they are.
   * @throws TaishiError not-found
   */
  rotateKey(accessKey: string): IssuedKey {
    return this.#change(() => {
      const { info } = this.#held(accessKey);
      const secretKey = newSecretKey();
      const token = newToken();
      this.#run(
        "UPDATE keys SET sealed_secret = ?, token_digest = ? WHERE access_key = ?",
        seal(this.#sealingKey, accessKey, secretKey),
        tokenDigest(token),
        accessKey,
      );
      this.#reload(accessKey);
      return { account: info.account, role: info.role, accessKey, secretKey, token };
    });
  }

  /** @throws TaishiError not-found; invalid-parameter where no operator key would be left */
  deleteKey(accessKey: string): KeyInfo {
    return this.#change(() => {
      const key = this.#held(accessKey);
      this.#refuseLastOperator(key, "deleted");
      this.#run("DELETE FROM keys WHERE access_key = ?", accessKey);
      this.#forget(key);
      return key.info;
    });
  }

  /**
   * On a store without accounts makes the first, "default", with a key that is operator and admin; else does nothing.
   * @param deliver takes the key to where its owner will find it, before it is committed: if the machine stops in between,
   *   the next start makes another, and none exists that nobody has seen. If it throws, nothing was made.
   */
  bootstrap(deliver: (key: IssuedKey) => void = () => {}): IssuedKey | undefined {
    if (this.#accounts.size > 1) return undefined;
    return this.#change(() => {
      const { id } = this.#insertAccount({ name: "default" });
      const key = this.#insertKey({ account: id, role: "admin", operator: true });
      deliver(key);
      return key;
    });
  }

  #create(database: DatabaseSync): void {
    database.exec(schema);
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
    if ([...this.#accounts.values()].some((account) => account.name === name))
      throw alreadyExists("name", `an account named ${name} exists already`, name);
    const account: Account = Object.freeze({ id: id ?? this.#freeAccountId(), name, created: this.#clock.now() });
    this.#run("INSERT INTO accounts (id, name, created) VALUES (?, ?, ?)", account.id, name, account.created);
    this.#accounts.set(account.id, account);
    return account;
  }

  #freeAccountId(): string {
    for (let tries = 0; tries < 100; tries++) {
      const id = newAccountId();
      if (!this.#accounts.has(id)) return id;
    }
    throw new TaishiError("internal", "no free account number was found");
  }

  #insertKey(input: NewKey): IssuedKey {
    const { account, role, operator = false, expires, name } = input;
    const now = this.#clock.now();
    if (account === operatorAccount) throw refusal("account", "the reserved account 0 has no keys");
    if (typeof account !== "string" || !this.#accounts.has(account))
      throw new TaishiError("not-found", `there is no account ${account}`, { field: "account", subject: account });
    checkRole(role);
    if (typeof operator !== "boolean") throw refusal("operator", "must be true or false");
    if (name !== undefined) checkName(name);
    if (expires !== undefined) checkExpiry(expires, now);
    const imported = this.#importedPair(input);
    const accessKey = imported?.accessKey ?? newAccessKey();
    const secretKey = imported?.secretKey ?? newSecretKey();
    const token = newToken();
    this.#run(
      `INSERT INTO keys (access_key, account, role, operator, name, sealed_secret, token_digest, status, created, expires)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'enabled', ?, ?)`,
      accessKey,
      account,
      role,
      operator ? 1 : 0,
      name ?? null,
      seal(this.#sealingKey, accessKey, secretKey),
      tokenDigest(token),
      now,
      expires ?? null,
    );
    this.#reload(accessKey);
    return { account, role, accessKey, secretKey, token };
  }

  #importedPair({ accessKey, secretKey }: NewKey): { accessKey: string; secretKey: string } | undefined {
    if (accessKey === undefined && secretKey === undefined) return undefined;
    if (accessKey === undefined || secretKey === undefined) {
      const field = accessKey === undefined ? "accessKey" : "secretKey";
      throw new TaishiError("missing-parameter", `${field}: an imported key needs both its parts`, { field });
    }
    checkAccessKey(accessKey);
    checkSecretKey(secretKey);
    if (this.#keys.has(accessKey))
      throw alreadyExists("accessKey", `an access key ${accessKey} exists already`, accessKey);
    return { accessKey, secretKey };
  }

  #held(accessKey: string): HeldKey {
    const key = this.#keys.get(accessKey);
    if (key === undefined)
      throw new TaishiError("not-found", `there is no access key ${accessKey}`, {
        field: "accessKey",
        subject: accessKey,
      });
    return key;
  }

  #isUsable({ info }: HeldKey): boolean {
    return info.status === "enabled" && (info.expires === undefined || this.#clock.now() < info.expires);
  }

  #refuseLastOperator(key: HeldKey, participle: string): void {
    const usableOperator = (each: HeldKey): boolean => each.info.operator && this.#isUsable(each);
    if (usableOperator(key) && ![...this.#keys.values()].some((each) => each !== key && usableOperator(each)))
      throw refusal("accessKey", `the last usable operator key cannot be ${participle}; create another one first`);
  }

  /**
   * Runs a change in one transaction, fsynced when it returns. Memory is changed along with the rows; where the transaction
   * does not come about, memory is loaded again, so that the two never differ. Nothing here awaits, so nobody looks in between.
   */
  #change<T>(work: () => T): T {
    this.#written = false;
    try {
      return transaction(this.#database, work);
    } catch (thrown) {
      const code = (thrown as { errcode?: unknown } | undefined)?.errcode;
      const primary = typeof code === "number" ? code & 0xff : undefined;
      if (primary !== undefined && stateUnknown.has(primary))
        throw new Fatal("the identity store cannot be written", {
          hint: "Check the disk, then start again: the store recovers to its last whole change.",
          cause: thrown,
        });
      if (this.#written) this.#load();
      if (primary === sqliteFull) throw new TaishiError("disk-full", undefined, { cause: thrown });
      throw thrown;
    }
  }

  #run(sql: string, ...values: readonly SQLInputValue[]): void {
    this.#written = true;
    this.#database.prepare(sql).run(...values);
  }

  #load(): void {
    const check = this.#database.prepare("SELECT sealed FROM sealing_check").get();
    try {
      unseal(this.#sealingKey, sealingCheck.subject, check?.sealed as Uint8Array);
    } catch (cause) {
      throw new Fatal("the sealing key is not the one that the identity store was made with", {
        hint: "Restore the secrets that belong to this data directory.",
        cause,
      });
    }
    this.#accounts.clear();
    this.#keys.clear();
    this.#byDigest.clear();
    for (const row of this.#database.prepare("SELECT id, name, created FROM accounts ORDER BY rowid").iterate())
      this.#accounts.set(row.id as string, Object.freeze({ ...row }) as unknown as Account);
    for (const row of this.#database.prepare("SELECT * FROM keys ORDER BY rowid").iterate())
      this.#hold(row as unknown as KeyRow);
  }

  #reload(accessKey: string): HeldKey {
    const row = this.#database.prepare("SELECT * FROM keys WHERE access_key = ?").get(accessKey);
    return this.#hold(row as unknown as KeyRow);
  }

  #hold(row: KeyRow): HeldKey {
    const key = readKeyRow(row, this.#sealingKey);
    const before = this.#keys.get(key.info.accessKey);
    if (before !== undefined) this.#byDigest.delete(before.digest);
    this.#keys.set(key.info.accessKey, key);
    this.#byDigest.set(key.digest, key);
    return key;
  }

  #forget({ info, digest }: HeldKey): void {
    this.#keys.delete(info.accessKey);
    this.#byDigest.delete(digest);
  }
}

function alreadyExists(field: string, message: string, subject: string): TaishiError {
  return new TaishiError("already-exists", message, { field, subject });
}
