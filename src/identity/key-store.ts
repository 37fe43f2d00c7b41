// The access keys of the identity store: rows of DATA/identity.db, held in memory. Secrets leave it three ways only: once
// when a key is issued, to verifiers, and sealed on disk; they are never logged.
import type { KeyObject } from "node:crypto";
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import type { Caller, Keyring } from "./caller.ts";
import { newAccessKey, newSecretKey, newToken, tokenDigest } from "./credential.ts";
import type { IdentityFile } from "./identity-file.ts";
import {
  type HeldKey,
  type IssuedKey,
  type KeyInfo,
  type KeyRow,
  type KeyStatus,
  type NewKey,
  type RequireAccount,
  readKeyRow,
} from "./identity-records.ts";
import {
  alreadyExists,
  checkAccessKey,
  checkExpiry,
  checkName,
  checkRole,
  checkSecretKey,
  checkStatus,
  refusal,
} from "./naming.ts";
import { seal } from "./seal.ts";

export interface KeyStoreOptions {
  readonly file: IdentityFile;
  readonly sealingKey: KeyObject;
  readonly clock: Clock;
  readonly requireAccount: RequireAccount;
}

export class KeyStore implements Keyring {
  readonly #file: IdentityFile;
  readonly #sealingKey: KeyObject;
  readonly #clock: Clock;
  readonly #requireAccount: RequireAccount;
  readonly #keys = new Map<string, HeldKey>();
  readonly #byDigest = new Map<string, HeldKey>();

  /** @throws Fatal where a secret cannot be unsealed */
  constructor({ file, sealingKey, clock, requireAccount }: KeyStoreOptions) {
    this.#file = file;
    this.#sealingKey = sealingKey;
    this.#clock = clock;
    this.#requireAccount = requireAccount;
    file.keepLoaded(() => this.#load());
  }

  /** Forgets every secret. */
  close(): void {
    this.#keys.clear();
    this.#byDigest.clear();
  }

  byAccessKey(accessKey: string): { readonly caller: Caller; readonly secretKey: string } | undefined {
    const key = this.#keys.get(accessKey);
    return key !== undefined && this.#isUsable(key) ? key.credential : undefined;
  }

  byToken(token: string): Caller | undefined {
    return this.byDigest(tokenDigest(token));
  }

  /** The same of a token's digest. */
  byDigest(digest: string): Caller | undefined {
    const key = this.#byDigest.get(digest);
    return key !== undefined && this.#isUsable(key) ? key.credential.caller : undefined;
  }

  list(account: string | undefined): readonly KeyInfo[] {
    const all = [...this.#keys.values()].map(({ info }) => info);
    return account === undefined ? all : all.filter((info) => info.account === account);
  }

  get(accessKey: string): KeyInfo | undefined {
    return this.#keys.get(accessKey)?.info;
  }

  /** Part of a change. @throws TaishiError as IdentityStore.createKey does */
  insert(input: NewKey): IssuedKey {
    const { account, role, operator = false, expires, name } = input;
    const now = this.#clock.now();
    this.#requireAccount(account, "keys");
    checkRole(role);
    if (typeof operator !== "boolean") throw refusal("operator", "must be true or false");
    if (name !== undefined) checkName(name);
    if (expires !== undefined) checkExpiry(expires, now);
    const imported = this.#importedPair(input);
    const accessKey = imported?.accessKey ?? newAccessKey();
    const secretKey = imported?.secretKey ?? newSecretKey();
    const token = newToken();
    this.#file.run(
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

  setStatus(accessKey: string, status: KeyStatus): KeyInfo {
    checkStatus(status);
    return this.#file.change(() => {
      const key = this.#held(accessKey);
      if (status === "disabled") this.#refuseLastOperator(key, "disabled");
      this.#file.run("UPDATE keys SET status = ? WHERE access_key = ?", status, accessKey);
      return this.#reload(accessKey).info;
    });
  }

  setExpiry(accessKey: string, expires: number | undefined): KeyInfo {
    if (expires !== undefined) checkExpiry(expires, this.#clock.now());
    return this.#file.change(() => {
      const key = this.#held(accessKey);
      if (expires !== undefined && expires < (key.info.expires ?? Number.POSITIVE_INFINITY))
        this.#refuseLastOperator(key, "given an earlier expiry");
      this.#file.run("UPDATE keys SET expires = ? WHERE access_key = ?", expires ?? null, accessKey);
      return this.#reload(accessKey).info;
    });
  }

  rotate(accessKey: string): IssuedKey {
    return this.#file.change(() => {
      const { info } = this.#held(accessKey);
      const secretKey = newSecretKey();
      const token = newToken();
      this.#file.run(
        "UPDATE keys SET sealed_secret = ?, token_digest = ? WHERE access_key = ?",
        seal(this.#sealingKey, accessKey, secretKey),
        tokenDigest(token),
        accessKey,
      );
      this.#reload(accessKey);
      return { account: info.account, role: info.role, accessKey, secretKey, token };
    });
  }

  delete(accessKey: string): KeyInfo {
    return this.#file.change(() => {
      const key = this.#held(accessKey);
      this.#refuseLastOperator(key, "deleted");
      this.#file.run("DELETE FROM keys WHERE access_key = ?", accessKey);
      this.#keys.delete(accessKey);
      this.#byDigest.delete(key.digest);
      return key.info;
    });
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

  /** Nor one that would be the last when the others have expired. */
  #refuseLastOperator(key: HeldKey, participle: string): void {
    const usableUntil = (each: HeldKey): number =>
      each.info.operator && this.#isUsable(each) ? (each.info.expires ?? Number.POSITIVE_INFINITY) : 0;
    const until = usableUntil(key);
    if (until > 0 && ![...this.#keys.values()].some((each) => each !== key && usableUntil(each) >= until))
      throw refusal(
        "accessKey",
        `the operator key that is usable longest cannot be ${participle}; create another one first`,
      );
  }

  #load(): void {
    this.close();
    for (const row of this.#file.rows("SELECT * FROM keys ORDER BY rowid")) this.#hold(row as unknown as KeyRow);
  }

  #reload(accessKey: string): HeldKey {
    return this.#hold(this.#file.row("SELECT * FROM keys WHERE access_key = ?", accessKey) as unknown as KeyRow);
  }

  #hold(row: KeyRow): HeldKey {
    const key = readKeyRow(row, this.#sealingKey);
    const before = this.#keys.get(key.info.accessKey);
    if (before !== undefined) this.#byDigest.delete(before.digest);
    this.#keys.set(key.info.accessKey, key);
    this.#byDigest.set(key.digest, key);
    return key;
  }
}
