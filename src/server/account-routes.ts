// /api/v1/accounts: tenants as operators see and make them; an administrator sees their own. How long an account's events are kept
// is set by operators only: who took over an account must not be able to make its log forget.
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import { type LogVisibility, logVisibilities } from "../identity/account-settings.ts";
import type { Caller } from "../identity/caller.ts";
import { operatorAccount } from "../identity/naming.ts";
import { created, directoryRoute } from "./directory-routes.ts";
import { readJson } from "./json-body.ts";
import { concerned } from "./key-routes.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Call, Route } from "./route.ts";

export interface AccountInfo {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  /** Entries of its log. */
  readonly size: number;
  readonly logVisibility: LogVisibility;
  /** undefined: for ever. */
  readonly retentionDays: number | undefined;
  /** Entries below may have been pruned. */
  readonly minimumIndex: number;
}

/** What the routes need; a change is on disk when it resolves. */
export interface AccountAdministration {
  /** In the order of their making, the reserved one of operators' acts among them. */
  accounts(): readonly AccountInfo[];
  account(id: string): AccountInfo | undefined;
  /** @throws TaishiError invalid-parameter | already-exists (field) */
  createAccount(input: {
    readonly name: string;
    readonly id?: string | undefined;
    readonly salted?: boolean | undefined;
  }): Promise<AccountInfo>;
  /** @throws TaishiError invalid-parameter: hashes alone need a log with salts */
  setLogVisibility(id: string, visibility: LogVisibility): Promise<AccountInfo>;
  /** @throws TaishiError invalid-parameter */
  setRetention(id: string, days: number | undefined): Promise<AccountInfo>;
}

const days = Type.Union([Type.Integer({ minimum: 1, maximum: 36_500 }), Type.Null()], {
  description: "Days that events are kept; null: for ever.",
});
const visibility = Type.Enum([...logVisibilities], {
  description: "Who may read the log's tiles without a key: nobody, anyone its hashes, anyone all of it.",
});
const AccountSchema = Type.Object(
  {
    id: Type.String({ description: "Decimal digits; 0 is the reserved account of operators' acts." }),
    name: Type.String(),
    created,
    size: Type.Integer({ minimum: 0, description: "Entries of its log." }),
    logVisibility: visibility,
    retentionDays: days,
    minimumIndex: Type.Integer({ minimum: 0, description: "Entries with a smaller number may have been pruned." }),
  },
  { $id: "Account" },
);
const NewAccount = Type.Object(
  {
    name: Type.String({ description: "1 to 64 printable characters; unique." }),
    id: Type.Optional(Type.String({ description: "1 to 20 decimal digits; chosen by the service when absent." })),
    salted: Type.Optional(Type.Boolean({ description: "Whether entries get salts, so that hashes may be public." })),
  },
  { $id: "NewAccount", additionalProperties: false },
);
const AccountChange = Type.Object({ logVisibility: visibility }, { $id: "AccountChange", additionalProperties: false });
const Retention = Type.Object(
  {
    account: Type.String(),
    days,
    minimumIndex: Type.Integer({ minimum: 0, description: "Entries with a smaller number may have been pruned." }),
  },
  { $id: "Retention" },
);
const RetentionChange = Type.Object({ days }, { $id: "RetentionChange", additionalProperties: false });

const id = [{ name: "id", in: "path", required: true, schema: Type.String() }] as const;

export function accountRoutes(accounts: AccountAdministration): readonly Route[] {
  const newAccount = Compile(NewAccount);
  const accountChange = Compile(AccountChange);
  const retentionChange = Compile(RetentionChange);

  /** The account that the path names: the caller's own, or any to an operator (I7). */
  const visible = ({ caller, path }: Pick<Call, "caller" | "path">): AccountInfo => {
    const account = caller.operator || path.id === caller.account ? accounts.account(path.id ?? "") : undefined;
    if (account !== undefined) return account;
    const subject = (path.id ?? "").slice(0, 64).toWellFormed();
    throw new TaishiError("not-found", `there is no account ${subject}`, { field: "id", subject });
  };

  const list = directoryRoute({
    method: "GET",
    path: "/api/v1/accounts",
    operationId: "listAccounts",
    audited: { name: "ListAccounts", readOnly: true },
    summary: "List the accounts that the caller may see",
    description: "All of them to an operator, else the caller's own.",
    answer: Type.Object({ accounts: Type.Array(AccountSchema) }, { $id: "AccountList" }),
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      const seen = accounts.accounts().filter((account) => caller.operator || account.id === caller.account);
      return JSON.stringify({ accounts: seen.map(shownAccount) });
    },
  });
  const create = directoryRoute(
    {
      method: "POST",
      path: "/api/v1/accounts",
      operationId: "createAccount",
      audited: { name: "CreateAccount", readOnly: false },
      summary: "Create an account",
      description: "Operators only. It has no key yet: make one for it.",
      answer: AccountSchema,
      errors: [409],
      handle: async (call) => {
        refuseParameters(call.query);
        requireOperator(call.caller);
        const { name, id, salted } = await readJson(call, newAccount);
        call.tell({ parameters: { name, id, salted } });
        const account = await accounts.createAccount({ name, id, salted });
        call.tell({
          resources: [{ type: "account", id: account.id }],
          concerns: [account.id, operatorAccount],
        });
        return JSON.stringify(shownAccount(account));
      },
    },
    NewAccount,
  );
  const change = directoryRoute(
    {
      method: "PATCH",
      path: "/api/v1/accounts/{id}",
      operationId: "updateAccount",
      audited: { name: "UpdateLogVisibility", readOnly: false },
      summary: "Say who may read an account's log without a key",
      description: "Operators only.",
      parameters: id,
      answer: AccountSchema,
      errors: [404],
      handle: async (call) => {
        refuseParameters(call.query);
        requireOperator(call.caller);
        const { logVisibility } = await readJson(call, accountChange);
        const account = visible(call);
        call.tell(toldOf(call.caller, account.id, { account: account.id, logVisibility }));
        return JSON.stringify(shownAccount(await accounts.setLogVisibility(account.id, logVisibility)));
      },
    },
    AccountChange,
  );
  const retention = directoryRoute({
    method: "GET",
    path: "/api/v1/accounts/{id}/retention",
    operationId: "getRetention",
    audited: { name: "GetRetention", readOnly: true },
    summary: "Say how long an account's events are kept",
    parameters: id,
    answer: Retention,
    errors: [404],
    handle: async (call) => {
      refuseParameters(call.query);
      return JSON.stringify(shownRetention(visible(call)));
    },
  });
  const setRetention = directoryRoute(
    {
      method: "PUT",
      path: "/api/v1/accounts/{id}/retention",
      operationId: "setRetention",
      audited: { name: "UpdateRetention", readOnly: false },
      summary: "Set how long an account's events are kept",
      description: "Operators only. It is applied within the hour, to whole closed files of the ledger.",
      parameters: id,
      answer: Retention,
      errors: [404],
      handle: async (call) => {
        refuseParameters(call.query);
        requireOperator(call.caller);
        const { days } = await readJson(call, retentionChange);
        const account = visible(call);
        call.tell(toldOf(call.caller, account.id, { account: account.id, days }));
        return JSON.stringify(shownRetention(await accounts.setRetention(account.id, days ?? undefined)));
      },
    },
    RetentionChange,
  );
  return [list, create, change, retention, setRetention];
}

function toldOf(caller: Caller, account: string, parameters: Readonly<Record<string, unknown>>) {
  return { parameters, resources: [{ type: "account", id: account }], concerns: concerned(caller, account) };
}

function requireOperator({ operator }: Caller): void {
  if (!operator) throw new TaishiError("forbidden", "this is for operators only");
}

function shownAccount(account: AccountInfo): object {
  const { id, name, created, size, logVisibility, retentionDays, minimumIndex } = account;
  return {
    id,
    name,
    created: formatMillis(created),
    size,
    logVisibility,
    retentionDays: retentionDays ?? null,
    minimumIndex,
  };
}

function shownRetention({ id, retentionDays, minimumIndex }: AccountInfo): object {
  return { account: id, days: retentionDays ?? null, minimumIndex };
}
