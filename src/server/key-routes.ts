// /api/v1/keys and /api/v1/tokens: what opens an account, as its administrator sees and changes it; an operator may name another
// account. Secrets are in the answer that makes them and nowhere else. An operator's key is changed by operators only: who could
// give it a new secret would become one. Another account's is as one that does not exist (I7).
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis, readTime } from "../event/time.ts";
import { type Caller, roles } from "../identity/caller.ts";
import type { UserTokenInfo } from "../identity/directory-records.ts";
import type { IssuedKey, KeyInfo, KeyStatus, NewKey } from "../identity/identity-records.ts";
import { operatorAccount } from "../identity/naming.ts";
import { created, directoryRoute } from "./directory-routes.ts";
import { readJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Call, Route } from "./route.ts";

/** What the routes need of the identity store; a change is on disk when it returns. */
export interface KeyAdministration {
  accountExists(id: string): boolean;
  listKeys(input: { readonly account: string }): readonly KeyInfo[];
  key(accessKey: string): KeyInfo | undefined;
  /** @throws TaishiError invalid-parameter | missing-parameter | already-exists (field) */
  createKey(input: NewKey): IssuedKey;
  /** @throws TaishiError invalid-parameter where no operator key would be left */
  setKeyStatus(accessKey: string, status: KeyStatus): KeyInfo;
  setExpiry(accessKey: string, expires: number | undefined): KeyInfo;
  rotateKey(accessKey: string): IssuedKey;
  deleteKey(accessKey: string): KeyInfo;
  /** Usable ones of an account's users. */
  userTokens(account: string): readonly UserTokenInfo[];
  /** undefined where the account has no such token. */
  revokeUserToken(account: string, id: string): UserTokenInfo | undefined;
}

const role = Type.Enum([...roles]);
const keyMembers = {
  accessKey: Type.String(),
  account: Type.String({ description: "The account it belongs to." }),
  role,
  operator: Type.Boolean(),
  name: Type.Union([Type.String(), Type.Null()]),
  status: Type.Enum(["enabled", "disabled"]),
  created,
  expires: Type.Union([Type.String({ format: "date-time" }), Type.Null()], { description: "Null: never." }),
};
const Key = Type.Object(keyMembers, { $id: "Key", description: "An access key without its secrets." });
const Issued = Type.Object(
  {
    ...keyMembers,
    secretKey: Type.String({ description: "Shown this once." }),
    token: Type.String({ description: "Shown this once." }),
  },
  { $id: "IssuedKey", description: "An access key with its secrets, which cannot be asked for again." },
);
const expiry = Type.Union([Type.String(), Type.Integer(), Type.Null()], {
  description: "RFC 3339 or epoch milliseconds, in the future; null: never.",
});
const NewKeyBody = Type.Object(
  {
    role,
    name: Type.Optional(Type.String({ description: "1 to 64 printable characters." })),
    expires: Type.Optional(expiry),
    account: Type.Optional(Type.String({ description: "Another account; operators only." })),
    operator: Type.Optional(Type.Boolean({ description: "Operators only." })),
    accessKey: Type.Optional(Type.String({ description: "Of an existing pair to import; operators only." })),
    secretKey: Type.Optional(Type.String({ description: "The same.", writeOnly: true })),
  },
  { $id: "NewKey", additionalProperties: false },
);
const KeyChange = Type.Object(
  { status: Type.Optional(Type.Enum(["enabled", "disabled"])), expires: Type.Optional(expiry) },
  { $id: "KeyChange", additionalProperties: false, description: "One of the two." },
);
const Token = Type.Object(
  {
    id: Type.String({ description: "Of this list; nothing that opens anything." }),
    user: Type.String({ description: "The user's id." }),
    userName: Type.String(),
    project: Type.Union([Type.String(), Type.Null()], {
      description: "The project it is for; null: the whole account.",
    }),
    issued: Type.String({ format: "date-time" }),
    expires: Type.String({ format: "date-time" }),
  },
  { $id: "UserToken", description: "What a user got for a password; a session of the console has one too." },
);

const accountParameter = {
  name: "account",
  in: "query",
  schema: Type.String(),
  description: "Another account; operators only.",
} as const;

export function keyRoutes(keys: KeyAdministration): readonly Route[] {
  const newKey = Compile(NewKeyBody);
  const keyChange = Compile(KeyChange);

  /** The key that the path names, if the caller may change it; told to the audit. */
  const changeable = ({ caller, path, tell }: Call): KeyInfo => {
    const accessKey = path.accessKey ?? "";
    const key = keys.key(accessKey);
    if (key === undefined || (key.account !== caller.account && !caller.operator)) {
      const subject = accessKey.slice(0, 64).toWellFormed();
      throw new TaishiError("not-found", `there is no access key ${subject}`, { field: "accessKey", subject });
    }
    if (key.operator && !caller.operator)
      throw new TaishiError("forbidden", "an operator's key is changed by operators only", { field: "accessKey" });
    tell({ resources: [{ type: "access-key", id: accessKey }], concerns: concerned(caller, key.account) });
    return key;
  };
  const one = {
    path: "/api/v1/keys/{accessKey}",
    parameters: [{ name: "accessKey", in: "path", required: true, schema: Type.String() }],
    answer: Key,
    errors: [404],
  } as const;

  const list = directoryRoute({
    method: "GET",
    path: "/api/v1/keys",
    operationId: "listKeys",
    audited: { name: "ListAccessKeys", readOnly: true },
    summary: "List the account's access keys",
    parameters: [accountParameter],
    answer: Type.Object({ keys: Type.Array(Key) }, { $id: "KeyList" }),
    handle: async ({ caller, query }) => {
      const account = namedAccount(caller, onlyAccount(query), keys);
      return JSON.stringify({ keys: keys.listKeys({ account }).map(shownKey) });
    },
  });
  const create = directoryRoute(
    {
      method: "POST",
      path: "/api/v1/keys",
      operationId: "createKey",
      audited: { name: "CreateAccessKey", readOnly: false },
      summary: "Create an access key",
      description: "Its secret and its token are in this answer and cannot be asked for again.",
      answer: Issued,
      errors: [404, 409],
      handle: async (call) => {
        refuseParameters(call.query);
        const { caller } = call;
        const asked = await readJson(call, newKey);
        const { role, name, operator, accessKey, secretKey } = asked;
        call.tell({ parameters: { role, name, expires: asked.expires, account: asked.account, operator, accessKey } });
        for (const [field, value] of Object.entries({ operator: operator === true || undefined, accessKey, secretKey }))
          if (value !== undefined && !caller.operator)
            throw new TaishiError("forbidden", `${field}: operators only`, { field });
        const account = namedAccount(caller, asked.account, keys);
        const expires = readExpiry(asked.expires);
        const issued = keys.createKey({ account, role, name, operator, accessKey, secretKey, expires });
        call.tell({
          resources: [{ type: "access-key", id: issued.accessKey }],
          concerns: concerned(caller, account),
        });
        return JSON.stringify(shownIssued(keys.key(issued.accessKey)!, issued));
      },
    },
    NewKeyBody,
  );
  const change = directoryRoute(
    {
      ...one,
      method: "PATCH",
      operationId: "updateKey",
      audited: { name: "UpdateAccessKey", readOnly: false },
      summary: "Disable or enable an access key, or set when it expires",
      handle: async (call) => {
        refuseParameters(call.query);
        call.tell({ parameters: { accessKey: call.path.accessKey } });
        const { status, expires } = await readJson(call, keyChange);
        const { accessKey } = changeable(call);
        // Each is one change of the store; two could end half done.
        if (status !== undefined && expires !== undefined)
          throw new TaishiError("invalid-parameter", "expires: cannot change together with the status", {
            field: "expires",
          });
        if (status !== undefined) {
          call.tell({ name: "UpdateAccessKeyStatus", parameters: { accessKey, status } });
          return JSON.stringify(shownKey(keys.setKeyStatus(accessKey, status)));
        }
        if (expires === undefined)
          throw new TaishiError("missing-parameter", "status or expires: one is required", { field: "status" });
        call.tell({ name: "UpdateAccessKeyExpiry", parameters: { accessKey, expires } });
        return JSON.stringify(shownKey(keys.setExpiry(accessKey, readExpiry(expires))));
      },
    },
    KeyChange,
  );
  const rotate = directoryRoute({
    ...one,
    method: "POST",
    path: "/api/v1/keys/{accessKey}/rotate",
    operationId: "rotateKey",
    audited: { name: "RotateAccessKey", readOnly: false },
    summary: "Give an access key a new secret and a new token",
    description: "The old ones stop at once. The new ones are in this answer and cannot be asked for again.",
    answer: Issued,
    handle: async (call) => {
      refuseParameters(call.query);
      call.tell({ parameters: { accessKey: call.path.accessKey } });
      const issued = keys.rotateKey(changeable(call).accessKey);
      return JSON.stringify(shownIssued(keys.key(issued.accessKey)!, issued));
    },
  });
  const remove = directoryRoute({
    ...one,
    method: "DELETE",
    operationId: "deleteKey",
    audited: { name: "DeleteAccessKey", readOnly: false },
    summary: "Delete an access key",
    description: "The answer is the key as it was.",
    handle: async (call) => {
      refuseParameters(call.query);
      call.tell({ parameters: { accessKey: call.path.accessKey } });
      return JSON.stringify(shownKey(keys.deleteKey(changeable(call).accessKey)));
    },
  });

  const tokens = directoryRoute({
    method: "GET",
    path: "/api/v1/tokens",
    operationId: "listUserTokens",
    audited: { name: "ListUserTokens", readOnly: true },
    summary: "List the tokens that the account's users signed in for",
    description: "Those that still open something. A key's own token is the key's: rotate it.",
    answer: Type.Object({ tokens: Type.Array(Token) }, { $id: "UserTokenList" }),
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      return JSON.stringify({ tokens: keys.userTokens(caller.account).map(shownToken) });
    },
  });
  const revoke = directoryRoute({
    method: "DELETE",
    path: "/api/v1/tokens/{id}",
    operationId: "revokeUserToken",
    audited: { name: "RevokeUserToken", readOnly: false },
    summary: "Make a user's token void",
    description: "With it ends the session it belongs to. The answer is the token as it was.",
    parameters: [{ name: "id", in: "path", required: true, schema: Type.String() }],
    answer: Token,
    errors: [404],
    handle: async ({ caller, path, query, tell }) => {
      refuseParameters(query);
      const id = path.id ?? "";
      const token = keys.revokeUserToken(caller.account, id);
      if (token === undefined) throw new TaishiError("not-found", "there is no such token", { field: "id" });
      tell({ resources: [{ type: "user", id: token.user }] });
      return JSON.stringify(shownToken(token));
    },
  });
  return [list, create, change, rotate, remove, tokens, revoke];
}

/**
 * The account that is meant: the caller's own, or another one that an operator names.
 * @throws TaishiError forbidden, whether there is such an account or not (I7); not-found
 */
export function namedAccount(
  caller: Caller,
  named: string | undefined,
  accounts: { accountExists(id: string): boolean },
): string {
  if (named === undefined || named === caller.account) return caller.account;
  if (!caller.operator)
    throw new TaishiError("forbidden", "account: only an operator may name another", { field: "account" });
  if (!accounts.accountExists(named)) {
    const subject = named.slice(0, 64).toWellFormed();
    throw new TaishiError("not-found", `there is no account ${subject}`, { field: "account", subject });
  }
  return named;
}

/** Where an act is told beside the caller's own log: an operator's in another account there and in the operators' log. */
export function concerned(caller: Caller, account: string): readonly string[] {
  return account === caller.account ? [] : [account, operatorAccount];
}

function onlyAccount(query: URLSearchParams): string | undefined {
  const [account, ...more] = query.getAll("account");
  if (more.length > 0) throw new TaishiError("invalid-parameter", "account: must be given once", { field: "account" });
  const others = new URLSearchParams(query);
  others.delete("account");
  refuseParameters(others);
  return account;
}

function readExpiry(expires: string | number | null | undefined): number | undefined {
  return expires === undefined || expires === null ? undefined : readTime(expires, "expires");
}

function shownKey({ accessKey, account, role, operator, name, status, created, expires }: KeyInfo): object {
  return {
    accessKey,
    account,
    role,
    operator,
    name: name ?? null,
    status,
    created: formatMillis(created),
    expires: expires === undefined ? null : formatMillis(expires),
  };
}

function shownIssued(key: KeyInfo, { secretKey, token }: IssuedKey): object {
  return { ...shownKey(key), secretKey, token };
}

function shownToken({ id, user, userName, project, issued, expires }: UserTokenInfo): object {
  return {
    id,
    user,
    userName,
    project: project ?? null,
    issued: formatMillis(issued),
    expires: formatMillis(expires),
  };
}
