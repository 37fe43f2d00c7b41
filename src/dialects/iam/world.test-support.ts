// IAM's operations over accounts, projects and users in memory, behind the real gateway: what the tests of this folder send
// requests to. Only for tests.
import assert from "node:assert/strict";
import { createHuaweiGateway, type HuaweiGateway } from "../../clouds/huawei/gateway.ts";
import { signRequest } from "../../clouds/huawei/signer.ts";
import { TaishiError } from "../../errors.ts";
import type { CallRecord, Response } from "../../exchange.ts";
import type { Caller, Keyring, Role } from "../../identity/caller.ts";
import type { Directory, Project, SignIn, User, UserToken } from "../../identity/directory.ts";
import { createIamOperations } from "./operations.ts";

export const now = Date.UTC(2026, 10, 21, 0, 27, 0, 527);
export const publicUrl = "https://audit.example:7548";
const accounts = [
  { id: "2100000001", name: "ours" },
  { id: "2100000002", name: "theirs" },
];
export const password = "correct horse";

type Ports = Pick<Directory, "account" | "project" | "projects" | "createProject"> & SignIn;

/** Accounts, projects and users in memory, with the same promises as the store's. */
export function memoryPorts(): Ports {
  const projects: Project[] = [
    { id: "a".repeat(32), account: "2100000001", name: "cn-north-4", created: 1 },
    { id: "b".repeat(32), account: "2100000001", name: "cn-east-3", created: 2 },
    { id: "c".repeat(32), account: "2100000002", name: "cn-north-4", created: 3 },
  ];
  const user = (name: string, account: string, role: Role): User => ({
    id: Buffer.from(name).toString("hex").padEnd(32, "0"),
    account,
    name,
    role,
    created: 0,
  });
  const users = [user("Anna", "2100000001", "auditor"), user("Zhou", "2100000002", "admin")];
  const tokens = new Map<string, UserToken>();
  return {
    account: (id) => accounts.find((account) => account.id === id),
    project: (id) => projects.find((project) => project.id === id),
    projects: (account) => projects.filter((project) => project.account === account),
    createProject: ({ account, name }) => {
      if (projects.some((project) => project.account === account && project.name === name))
        throw new TaishiError("already-exists", undefined, { field: "name" });
      if (!/^[a-z0-9_-]+$/.test(name)) throw new TaishiError("invalid-parameter", undefined, { field: "name" });
      const project = { id: String(projects.length).padEnd(32, "e"), account, name, created: now };
      projects.push(project);
      return project;
    },
    signIn: async ({ domain, name, password: given, address, project }) => {
      if (address === "203.0.113.9") throw new TaishiError("rate-limited", undefined, { retryAfter: 3 });
      const account = accounts.find((candidate) => candidate.name === domain);
      const found = users.find((candidate) => candidate.account === account?.id && candidate.name === name);
      if (found === undefined || given !== password) throw new TaishiError("wrong-password");
      const scope = projects.find(
        ({ account, id, name }) =>
          account === found.account &&
          (project?.id === undefined ? name === project?.name : id === project.id && (project.name ?? name) === name),
      );
      if (project !== undefined && scope === undefined)
        throw new TaishiError("invalid-parameter", undefined, { field: "scope" });
      const token = `tok-${tokens.size}-${found.name}`;
      const caller = { account: found.account, accessKey: "", userName: name, role: found.role, operator: false };
      const held = { user: found, project: scope, issued: now, expires: now + 86_400_000, caller };
      tokens.set(token, held);
      return { token, held };
    },
    byUserToken: (token) => tokens.get(token),
    revoke: (token) => {
      tokens.delete(token);
    },
  };
}

const key = (role: Role): Caller => ({ account: "2100000001", accessKey: `AK-${role}`, role, operator: false });
const keyring: Keyring = {
  byAccessKey: (accessKey) => {
    const role = (["admin", "writer", "auditor"] as const).find((name) => accessKey === `AK-${name}`);
    return role === undefined ? undefined : { caller: key(role), secretKey: "SK" };
  },
  byToken: () => undefined,
};

export interface World {
  readonly gateway: HuaweiGateway;
  readonly records: CallRecord[];
  readonly ports: Ports;
}

export function world(): World {
  const ports = memoryPorts();
  const records: CallRecord[] = [];
  const gateway = createHuaweiGateway({
    operations: createIamOperations({ directory: ports, signIn: ports, publicUrl: () => `${publicUrl}/` }),
    keyring,
    signIn: ports,
    directory: ports,
    clock: { now: () => now },
    onCall: (record) => {
      records.push(record);
    },
  });
  return { gateway, records, ports };
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly address?: string;
  /** Signs with this role's key. */
  readonly as?: Role;
}

export interface Got {
  readonly status: number;
  readonly headers: Response["headers"];
  readonly body: unknown;
}

export async function send({ gateway }: World, target: string, sent: Sent = {}): Promise<Got> {
  const method = sent.method ?? (sent.body === undefined ? "GET" : "POST");
  const { body: given } = sent;
  const body = Buffer.from(typeof given === "string" ? given : given === undefined ? "" : JSON.stringify(given));
  const plain = { method, target, headers: { host: "h", ...sent.headers }, body };
  const headers =
    sent.as === undefined ? plain.headers : signRequest(plain, { accessKey: `AK-${sent.as}`, secretKey: "SK" }, now);
  const response = await gateway({ ...plain, headers, address: sent.address ?? "192.0.2.1", hosts: ["h"] });
  assert.equal(response.headers["content-type"], "application/json");
  assert.match(response.headers["x-request-id"] ?? "", /^[0-9a-f]{32}$/);
  const text = String(response.body);
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

export const user = { name: "Anna", password, domain: { name: "ours" } };

export function login(change: { user?: unknown; scope?: unknown; methods?: unknown } = {}): unknown {
  const identity = { methods: change.methods ?? ["password"], password: { user: change.user ?? user } };
  return { auth: { identity, ...(change.scope !== undefined && { scope: change.scope }) } };
}

export async function tokenOf(here: World, scope?: unknown, who: unknown = user): Promise<string> {
  const { status, headers } = await send(here, "/v3/auth/tokens", { body: login({ scope, user: who }) });
  assert.equal(status, 201);
  return headers["x-subject-token"] ?? "";
}

export const refusal = (code: number, message: string, title: string): unknown => ({ error: { message, code, title } });

/** What stands at a path of names and positions, e.g. "projects.0.id"; "*" means in each. Undefined where nothing does. */
export function at(value: unknown, path: string): unknown {
  const [name = "", ...rest] = path.split(".");
  if (name === "") return value;
  if (name === "*") return (value as readonly unknown[]).map((item) => at(item, rest.join(".")));
  return at((value as Readonly<Record<string, unknown>> | undefined)?.[name], rest.join("."));
}
