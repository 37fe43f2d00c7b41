// What the identity store keeps beside accounts and keys: projects, instances, users and the tokens of users, and their
// tables in DATA/identity.db, format 1. Plain data; of passwords and tokens the tables hold hashes only.
import type { Role } from "./caller.ts";
import type { User } from "./directory.ts";
import { operatorAccount } from "./naming.ts";

export type UserStatus = "enabled" | "disabled";

/** A user as it may be shown. */
export interface UserInfo extends User {
  readonly status: UserStatus;
}

export interface NewUser {
  readonly account: string;
  readonly name: string;
  /** "auditor" when absent. */
  readonly role?: Role | undefined;
  /** 8 to 128 characters. */
  readonly password: string;
}

/** A user in memory, with what its password is checked against. */
export interface HeldUser {
  readonly info: UserInfo;
  /** As password.ts writes it. */
  readonly password: string;
}

/** What is kept of a token that a user got. */
export interface TokenRecord {
  /** The user's id. */
  readonly user: string;
  /** The project's id, where the token is for one. */
  readonly project: string | undefined;
  /** Epoch milliseconds. */
  readonly issued: number;
  readonly expires: number;
}

/** A user's token as it may be shown. */
export interface UserTokenInfo extends TokenRecord {
  /** 16 hex digits of its digest: they open nothing. */
  readonly id: string;
  readonly userName: string;
}

/** Most of each thing, so that no tenant's administrator can fill our memory. */
export const most = { projectsPerAccount: 1_000, instancesPerProject: 10_000, usersPerAccount: 10_000 } as const;

export const directorySchema = `
  CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) CHECK (account <> '${operatorAccount}'),
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account, name)
  ) STRICT;
  CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    created INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE users (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id) CHECK (account <> '${operatorAccount}'),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'writer', 'auditor')),
    password TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
    created INTEGER NOT NULL,
    UNIQUE (account, name)
  ) STRICT;
  CREATE TABLE user_tokens (
    digest TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users (id),
    project TEXT REFERENCES projects (id),
    issued INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX user_tokens_by_user ON user_tokens (user);
  CREATE INDEX user_tokens_by_expiry ON user_tokens (expires);
`;
