// Who a request comes from and what that allows. Plain data; the store that knows keys is identity-store.ts.

export const roles = ["admin", "writer", "auditor"] as const;
export type Role = (typeof roles)[number];

export interface Caller {
  /** The tenant: decimal digits. */
  readonly account: string;
  /** "" where a user signed in with a password. */
  readonly accessKey: string;
  /** The user's name, where one signed in. */
  readonly userName?: string;
  readonly role: Role;
  /** May create accounts and import keys, in all accounts; sees no event content by that alone. */
  readonly operator: boolean;
}

export type Act = "append" | "read" | "administer";

const allowed: Readonly<Record<Role, readonly Act[]>> = {
  admin: ["append", "read", "administer"],
  writer: ["append"],
  auditor: ["read"],
};

export function may(caller: Caller, act: Act): boolean {
  return allowed[caller.role].includes(act);
}

/** What verifiers need of the identity store. Disabled, expired and deleted keys are as unknown ones. */
export interface Keyring {
  /** The caller and the raw secret of a usable access key. */
  byAccessKey(accessKey: string): { readonly caller: Caller; readonly secretKey: string } | undefined;
  byToken(token: string): Caller | undefined;
}
