// Doubles for this dialect's tests: audit files in memory as the port says, a directory of two accounts, and a gateway in
// front of the operations that is asked with bearer tokens named "role@account". Only tests import this file.

import type { InstanceRef } from "../../audit-files/port.ts";
import {
  type AuditFile,
  type AuditFiles,
  type AuditPolicy,
  defaultPolicy,
  type FileQuery,
} from "../../audit-files/port.ts";
import { createHuaweiGateway } from "../../clouds/huawei/gateway.ts";
import type { CallRecord, Response } from "../../exchange.ts";
import { type Caller, type Keyring, type Role, roles } from "../../identity/caller.ts";
import type { Instance, Project } from "../../identity/directory.ts";
import type { AuditLogDetail } from "./encode.ts";
import { Links } from "./links.ts";
import { taurusdbOperations } from "./operations.ts";

export const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const project = "054e292c9880d4992f02c0196d3ea468";
export const otherProject = "154e292c9880d4992f02c0196d3ea468";
export const foreignProject = "254e292c9880d4992f02c0196d3ea468";
export const instance = "3d39c18788b54a919bab633874c159dfin01";
/** In the account's other project. */
export const siblingInstance = "4d39c18788b54a919bab633874c159dfin07";
export const foreignInstance = "5d39c18788b54a919bab633874c159dfin07";
export const ref: InstanceRef = { account: "1", instance };

/** Two days from `start` on, as query parameters. */
export const whole = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-03T00:00:00Z";
export const start = Date.UTC(2026, 0, 1);

export class MemoryFiles implements AuditFiles {
  readonly #files = new Map<string, { file: AuditFile; bytes: Uint8Array }>();
  readonly #policies = new Map<string, AuditPolicy>();
  readonly asked: FileQuery[] = [];
  failure: Error | undefined;

  /** @param bytes the content, or how long it would be */
  add(
    at: InstanceRef,
    bytes: Uint8Array | number,
    file: Pick<AuditFile, "id" | "begin" | "end"> & Partial<AuditFile>,
  ): AuditFile {
    const content = typeof bytes === "number" ? new Uint8Array() : bytes;
    const length = typeof bytes === "number" ? bytes : bytes.length;
    const kept = { name: `name-${file.id}`, closed: file.end, bytes: length, instance: at.instance, ...file };
    this.#files.set(keyOf(at, file.id), { file: kept, bytes: content });
    return kept;
  }

  retire(at: InstanceRef, id: string): void {
    this.#files.delete(keyOf(at, id));
  }

  async list(at: InstanceRef, query: FileQuery): Promise<{ files: readonly AuditFile[]; total: number }> {
    this.asked.push(query);
    const mine = [...this.#files].filter(([key]) => key.startsWith(keyOf(at, ""))).map(([, { file }]) => file);
    const matching = mine
      .filter(({ begin, end }) => begin <= query.to && end >= query.from)
      .sort((a, b) => a.begin - b.begin || (a.id < b.id ? -1 : 1));
    if (query.order === "desc") matching.reverse();
    return { files: matching.slice(query.offset, query.offset + query.limit), total: matching.length };
  }

  async file(at: InstanceRef, id: string): Promise<AuditFile | undefined> {
    return this.#files.get(keyOf(at, id))?.file;
  }

  async *content(at: InstanceRef, file: AuditFile): AsyncIterable<Uint8Array> {
    const { bytes } = this.#files.get(keyOf(at, file.id))!;
    for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
  }

  async policy(at: InstanceRef): Promise<AuditPolicy> {
    return this.#policies.get(keyOf(at, "")) ?? defaultPolicy;
  }

  async setPolicy(at: InstanceRef, policy: AuditPolicy): Promise<void> {
    await new Promise(setImmediate);
    if (this.failure !== undefined) throw this.failure;
    this.#policies.set(keyOf(at, ""), policy);
  }
}

function keyOf({ account, instance: id }: InstanceRef, file: string): string {
  return `${account}/${id}/${file}`;
}

const projects: readonly Project[] = [
  { id: project, account: "1", name: "cn-north-4", created: 0 },
  { id: otherProject, account: "1", name: "cn-south-1", created: 0 },
  { id: foreignProject, account: "2", name: "cn-north-4", created: 0 },
];
const instances: readonly Instance[] = [
  { id: instance, project, account: "1", created: 0 },
  { id: siblingInstance, project: otherProject, account: "1", created: 0 },
  { id: foreignInstance, project: foreignProject, account: "2", created: 0 },
];
export const directory = {
  project: (id: string): Project | undefined => projects.find((item) => item.id === id),
  instance: (id: string): Instance | undefined => instances.find((item) => item.id === id),
};

export const keyring: Keyring = {
  byAccessKey(accessKey) {
    const caller = this.byToken(accessKey);
    return caller === undefined ? undefined : { caller, secretKey: `SK ${accessKey}` };
  },
  byToken(token): Caller | undefined {
    const [name, account] = token.split("@");
    const role = roles.find((item): item is Role => item === name);
    return role === undefined || account === undefined
      ? undefined
      : { account, accessKey: token, role, operator: false };
  },
};

export interface Asked {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every member that an answer may have: a test looks at those it expects. */
export interface AnsweredBody {
  readonly error_code: string;
  readonly error_msg: string;
  readonly request_id: string;
  readonly audit_logs: readonly AuditLogDetail[];
  readonly total_count: number;
  readonly keep_days: number;
  readonly audit_types: readonly string[];
  readonly links: readonly string[];
  readonly files: readonly { readonly name: string; readonly download_link: string }[];
}

export interface Answered {
  readonly response: Response;
  readonly status: number;
  readonly body: AnsweredBody;
}

export function createHouse(options: { readonly publicUrl?: string; readonly tls?: boolean } = {}) {
  const files = new MemoryFiles();
  const links = new Links(new Uint8Array(32).fill(7));
  const calls: CallRecord[] = [];
  const clock = { now: () => now };
  const gateway = createHuaweiGateway({
    operations: taurusdbOperations({ files, directory, links, clock, tls: false, ...options }),
    keyring,
    signIn: { byUserToken: () => undefined },
    directory,
    clock,
    onCall: (record) => void calls.push(record),
  });
  /** @param place below the instance, e.g. "audit-logs?limit=1"; a target where it begins with a slash */
  const ask = async (place: string, asked: Asked = {}): Promise<Answered> => {
    const { method = "GET", token = "auditor@1", body, headers = {} } = asked;
    const response = await gateway({
      method,
      target: place.startsWith("/") ? place : `/v3/${project}/instances/${instance}/${place}`,
      headers: { host: "audit.example:7548", ...(token !== "" && { authorization: `Bearer ${token}` }), ...headers },
      body: body === undefined ? new Uint8Array() : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
      address: "192.0.2.1",
      hosts: ["audit.example:7548"],
    });
    const { status } = response;
    return { response, status, body: JSON.parse(String(response.body)) as AnsweredBody };
  };
  return { files, links, calls, ask, gateway };
}

/** A house with files f00, f01, … of an hour each, one after the other. */
export function createHouseOf(count: number) {
  const house = createHouse();
  for (let hour = 0; hour < count; hour++) {
    const begin = start + hour * 3_600_000;
    const content = Buffer.from(`content of ${hour}`);
    house.files.add(ref, content, { id: `f${String(hour).padStart(2, "0")}`, begin, end: begin + 3_599_000 });
  }
  return house;
}
