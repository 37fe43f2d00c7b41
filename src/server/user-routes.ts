// /api/v1/users: those who sign in with a password, as their account's administrator sees and changes them. A password goes
// in and never comes out: no answer, audit or message holds one. Another account's user is as one that does not exist (I7).
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import { roles } from "../identity/caller.ts";
import type { UserInfo } from "../identity/directory-records.ts";
import { type AccountDirectory, created, directoryRoute } from "./directory-routes.ts";
import { readJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Call, Route } from "./route.ts";

const role = Type.Enum([...roles]);
const status = Type.Enum(["enabled", "disabled"]);
const password = Type.String({ description: "8 to 128 characters, no control characters.", writeOnly: true });

const User = Type.Object(
  {
    id: Type.String({ description: "32 lower-case hex digits." }),
    account: Type.String({ description: "The account it belongs to." }),
    name: Type.String(),
    role,
    status,
    created,
  },
  { $id: "User", description: "Signs in with a password. Disabled: cannot, and what it signed in for before is void." },
);

const NewUser = Type.Object(
  {
    name: Type.String({ description: "1 to 64 printable characters; unique in the account." }),
    role: Type.Optional(Type.Enum([...roles], { default: "auditor" })),
    password,
  },
  { $id: "NewUser", additionalProperties: false },
);

const UserChange = Type.Object(
  { password: Type.Optional(password), status: Type.Optional(status) },
  { $id: "UserChange", additionalProperties: false, description: "One of the two." },
);

const one = {
  path: "/api/v1/users/{id}",
  parameters: [{ name: "id", in: "path", required: true, schema: Type.String(), description: "The user's id." }],
  answer: User,
  errors: [404],
} as const;

export function userRoutes(directory: AccountDirectory): readonly Route[] {
  const newUser = Compile(NewUser);
  const userChange = Compile(UserChange);

  /** The user that the path names, if it is the caller's; told to the audit. */
  const ownUser = ({ caller, path, tell }: Call): UserInfo => {
    const id = path.id ?? "";
    const user = directory.user(id);
    if (user === undefined || user.account !== caller.account) {
      const subject = id.slice(0, 64).toWellFormed();
      throw new TaishiError("not-found", `there is no user ${subject}`, { field: "id", subject });
    }
    tell({ resources: [{ type: "user", id: user.id }] });
    return user;
  };

  const list = directoryRoute({
    method: "GET",
    path: "/api/v1/users",
    operationId: "listUsers",
    audited: { name: "ListUsers", readOnly: true },
    summary: "List the account's users",
    description: "All of them, in the order of their making.",
    answer: Type.Object({ users: Type.Array(User) }, { $id: "UserList" }),
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      return JSON.stringify({ users: directory.users(caller.account).map(shownUser) });
    },
  });
  const create = directoryRoute(
    {
      method: "POST",
      path: "/api/v1/users",
      operationId: "createUser",
      audited: { name: "CreateUser", readOnly: false },
      summary: "Create a user",
      answer: User,
      errors: [409],
      handle: async (call) => {
        refuseParameters(call.query);
        const { name, role, password } = await readJson(call, newUser);
        call.tell({ parameters: { name, role } });
        const user = await directory.createUser({ account: call.caller.account, name, role, password });
        call.tell({ resources: [{ type: "user", id: user.id }] });
        return JSON.stringify(shownUser(user));
      },
    },
    NewUser,
  );
  const change = directoryRoute(
    {
      ...one,
      method: "PATCH",
      operationId: "updateUser",
      audited: { name: "UpdateUser", readOnly: false },
      summary: "Give a user another password, or disable or enable it",
      description: "Either makes the tokens void that the user signed in for, but enabling.",
      handle: async (call) => {
        refuseParameters(call.query);
        call.tell({ parameters: { user: call.path.id } });
        const { password, status } = await readJson(call, userChange);
        const { id } = ownUser(call);
        // Each is one change of the store; two could end half done.
        if (password !== undefined && status !== undefined)
          throw new TaishiError("invalid-parameter", "status: cannot change together with the password", {
            field: "status",
          });
        if (password !== undefined) {
          call.tell({ name: "UpdateUserPassword" });
          return JSON.stringify(shownUser(await directory.setUserPassword(id, password)));
        }
        if (status === undefined)
          throw new TaishiError("missing-parameter", "password or status: one is required", { field: "password" });
        call.tell({ name: "UpdateUserStatus", parameters: { user: id, status } });
        return JSON.stringify(shownUser(directory.setUserStatus(id, status)));
      },
    },
    UserChange,
  );
  const remove = directoryRoute({
    ...one,
    method: "DELETE",
    operationId: "deleteUser",
    audited: { name: "DeleteUser", readOnly: false },
    summary: "Delete a user",
    description: "What the user signed in for is void. The answer is the user as it was.",
    handle: async (call) => {
      refuseParameters(call.query);
      call.tell({ parameters: { user: call.path.id } });
      return JSON.stringify(shownUser(directory.deleteUser(ownUser(call).id)));
    },
  });
  return [list, create, change, remove];
}

function shownUser({ id, account, name, role, status, created }: UserInfo): object {
  return { id, account, name, role, status, created: formatMillis(created) };
}
