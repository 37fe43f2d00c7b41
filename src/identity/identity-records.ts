// What the identity store keeps: accounts and keys as they are told, stored and held in memory, and their tables in
// DATA/identity.db, format 1. Plain data; the only secrets in the tables are sealed ones and digests. The tables of
// projects, instances, users and user tokens are in directory-records.ts.
import type { KeyObject } from "node:crypto";
import type { Role } from "./caller.ts";
import { Credential } from "./credential.ts";
import { operatorAccount } from "./naming.ts";
import { unseal } from "./seal.ts";

export interface Account {
  /** Decimal digits; "0" is the reserved account of operators' acts. */
  readonly id: string;
  /** Unique. */
  readonly name: string;
  /** Epoch milliseconds. */
  readonly created: number;
}

export type KeyStatus = "enabled" | "disabled";

/** A key as it may be shown: everything but its secrets. */
export interface KeyInfo {
  readonly accessKey: string;
  readonly account: string;
  readonly role: Role;
  readonly operator: boolean;
  readonly name?: string;
  readonly status: KeyStatus;
  /** Epoch milliseconds. */
  readonly created: number;
  /** Epoch milliseconds; from then on the key is as unknown. Absent: never. */
  readonly expires?: number;
}

/** A key with its secrets, which cannot be asked for again. */
export interface IssuedKey {
  readonly account: string;
  readonly role: Role;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token: string;
}

/** The first key of a new store, and what its owner becomes the first user of the console with. */
export interface FirstKey extends IssuedKey {
  /** Valid once, for a day (first-link.ts). */
  readonly firstLink: string;
}

export interface NewKey {
  readonly account: string;
  readonly role: Role;
  readonly operator?: boolean | undefined;
  /** An existing pair to import; both or neither. */
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
  /** Epoch milliseconds, in the future. */
  readonly expires?: number | undefined;
  readonly name?: string | undefined;
}

/**
 * Refuses an account that cannot have `things`, e.g. "keys".
 * @throws TaishiError invalid-parameter for the reserved account, not-found where there is none
 */
export type RequireAccount = (account: unknown, things: string) => void;

export const schema = `
  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE keys (
    access_key TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) CHECK (account <> '${operatorAccount}'),
    role TEXT NOT NULL CHECK (role IN ('admin', 'writer', 'auditor')),
    operator INTEGER NOT NULL CHECK (operator IN (0, 1)),
    name TEXT,
    sealed_secret BLOB NOT NULL,
    token_digest TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
    created INTEGER NOT NULL,
    expires INTEGER
  ) STRICT;
  CREATE INDEX keys_by_account ON keys (account);
  CREATE TABLE sealing_check (sealed BLOB NOT NULL) STRICT;
`;

/** A row of `keys`. */
export interface KeyRow {
  readonly access_key: string;
  readonly account: string;
  readonly role: Role;
  readonly operator: 0 | 1;
  readonly name: string | null;
  readonly sealed_secret: Uint8Array;
  readonly token_digest: string;
  readonly status: KeyStatus;
  readonly created: number;
  readonly expires: number | null;
}

/** A key in memory: what may be shown, and what proves it. */
export interface HeldKey {
  readonly info: KeyInfo;
  readonly credential: Credential;
  readonly digest: string;
}

/** @throws Fatal where the secret cannot be unsealed */
export function readKeyRow(row: KeyRow, sealingKey: KeyObject): HeldKey {
  const { access_key: accessKey, account, role, status, created } = row;
  const operator = row.operator === 1;
  const info: KeyInfo = Object.freeze({
    accessKey,
    account,
    role,
    operator,
    ...(row.name === null ? {} : { name: row.name }),
    status,
    created,
    ...(row.expires === null ? {} : { expires: row.expires }),
  });
  const secretKey = unseal(sealingKey, accessKey, row.sealed_secret);
  return {
    info,
    credential: new Credential({ account, accessKey, role, operator }, secretKey),
    digest: row.token_digest,
  };
}
