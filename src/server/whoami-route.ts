// GET /api/v1/whoami: what the service takes the caller for. Never says more than the caller's own key does.
import { Type } from "typebox";
import { roles } from "../identity/caller.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

const Whoami = Type.Object(
  {
    account: Type.String(),
    role: Type.Union(roles.map((role) => Type.Literal(role))),
    operator: Type.Boolean({ description: "May create accounts and import keys." }),
    accessKey: Type.String({ description: "Empty where a user signed in with a password." }),
    userName: Type.Optional(Type.String({ description: "The name of the user who signed in." })),
  },
  { $id: "Whoami" },
);

export function whoamiRoute(): Route {
  return {
    method: "GET",
    path: "/api/v1/whoami",
    bodyLimit: 0,
    operationId: "whoami",
    audited: { name: "WhoAmI", readOnly: true },
    summary: "Say whose key this is",
    answer: Whoami,
    handle: async ({ caller: { account, role, operator, accessKey, userName }, query }) => {
      refuseParameters(query);
      return JSON.stringify({ account, role, operator, accessKey, userName });
    },
  };
}
