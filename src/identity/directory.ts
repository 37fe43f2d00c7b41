// What the clouds' identity calls need beside keys: projects, database instances, users and their tokens. Plain data and
// the ports; the store is identity-store.ts, sign-in is sign-in.ts.
import type { Caller, Role } from "./caller.ts";

/** A cloud project: belongs to an account, named like a region. */
export interface Project {
  /** 32 lower-case hex digits. */
  readonly id: string;
  readonly account: string;
  /** E.g. "cn-north-4"; unique within its account. */
  readonly name: string;
  /** Epoch milliseconds. */
  readonly created: number;
}

/** A database instance, in a project. */
export interface Instance {
  /** 32 letters or digits, "in" and two digits. */
  readonly id: string;
  readonly project: string;
  readonly account: string;
  readonly created: number;
}

export interface User {
  /** 32 lower-case hex digits. */
  readonly id: string;
  readonly account: string;
  /** Unique within its account. */
  readonly name: string;
  readonly role: Role;
  readonly created: number;
}

/** Reading is from memory; what changes is on disk when it returns. */
export interface Directory {
  account(id: string): { readonly id: string; readonly name: string } | undefined;
  accountByName(name: string): { readonly id: string; readonly name: string } | undefined;
  project(id: string): Project | undefined;
  /** In the order of their making. */
  projects(account: string): readonly Project[];
  /** @throws TaishiError invalid-parameter | already-exists | not-found */
  createProject(input: { readonly account: string; readonly name: string; readonly id?: string | undefined }): Project;
  instance(id: string): Instance | undefined;
  instances(project: string): readonly Instance[];
  createInstance(input: { readonly project: string; readonly id?: string | undefined }): Instance;
  user(id: string): User | undefined;
  users(account: string): readonly User[];
}

/** A token that a user got for a password; only its hash is kept. */
export interface UserToken {
  readonly user: User;
  /** What it was asked for: one project, or the whole account. */
  readonly project: Project | undefined;
  readonly issued: number;
  readonly expires: number;
  readonly caller: Caller;
}

export interface SignIn {
  /**
   * Checks a password and issues a token of 24 hours. Slows down by address, never locks a name; at most two passwords
   * are checked at once.
   * @throws TaishiError wrong-password | rate-limited | invalid-parameter (a scope that is not the account's)
   */
  signIn(input: {
    /** The account's name. */
    readonly domain: string;
    readonly name: string;
    readonly password: string;
    readonly address: string;
    readonly project?: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined;
  }): Promise<{ readonly token: string; readonly held: UserToken }>;
  /** The holder of a usable token. */
  byUserToken(token: string): UserToken | undefined;
  /** Void from now on. */
  revoke(token: string): void;
}
