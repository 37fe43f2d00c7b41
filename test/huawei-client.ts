// Huawei Cloud's own SDK core from npm, which its generated clients are made of, with the two calls of TaurusDB's audit log
// as they send them. Nothing is set but the endpoint and the credentials. (The SDK ships no types.)
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const core = "@huaweicloud/huaweicloud-sdk-core";

export interface Credentials {
  withAk(ak: string): this;
  withSk(sk: string): this;
  withProjectId(id: string): this;
  withIamEndpoint(url: string): this;
}
export interface Client {
  sendRequest(options: object): Promise<Record<string, unknown>>;
}
interface Builder {
  withCredential(credentials: Credentials): this;
  withEndpoint(url: string): this;
  withRegion(region: unknown): this;
  build(): Client;
}
export const { BasicCredentials, Region } = require(core) as {
  BasicCredentials: new () => Credentials;
  Region: new (id: string, endpoint: string) => unknown;
};
const { ClientBuilder } = require(`${core}/ClientBuilder`) as {
  ClientBuilder: new (make: (client: Client) => Client) => Builder;
};

export interface AuditLog {
  readonly id: string;
  readonly name: string;
  /** KB. */
  readonly size: number;
  readonly begin_time: string;
  readonly end_time: string;
}

export function huaweiClient(credentials: Credentials, configure: (builder: Builder) => Builder): Client {
  return configure(new ClientBuilder((made) => made).withCredential(credentials)).build();
}

export function auditLogsRequest(instance: string, query: object) {
  return {
    method: "GET",
    url: "/v3/{project_id}/instances/{instance_id}/audit-logs",
    contentType: "application/json",
    queryParams: query,
    pathParams: { instance_id: instance },
    headers: {},
    data: {},
  };
}

export function auditLogLinkRequest(instance: string, ids: readonly string[]) {
  return {
    ...auditLogsRequest(instance, {}),
    method: "POST",
    url: "/v3/{project_id}/instances/{instance_id}/audit-log-link",
    data: { ids },
  };
}

/** Every audit file of an instance whose time lies within a day of now, page by page. */
export async function listAuditLogs(client: Client, instance: string): Promise<readonly AuditLog[]> {
  const day = 24 * 3_600_000;
  const bound = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}+0000`;
  const [start_time, end_time] = [bound(Date.now() - day), bound(Date.now() + day)];
  const files: AuditLog[] = [];
  for (;;) {
    const request = auditLogsRequest(instance, { start_time, end_time, offset: files.length, limit: 50 });
    const page = await client.sendRequest(request);
    files.push(...(page.audit_logs as AuditLog[]));
    if (files.length >= (page.total_count as number)) return files;
  }
}

/** An audit file's text, by the link that the client asks for. */
export async function downloadAuditLog(client: Client, instance: string, id: string): Promise<string> {
  const { links } = await client.sendRequest(auditLogLinkRequest(instance, [id]));
  const file = await fetch((links as string[])[0]!);
  if (file.status !== 200) throw new Error(`${file.status}: ${await file.text()}`);
  return file.text();
}

/** The fields of a downloaded file's records. */
export function readAuditFile(text: string): string[][] {
  const records = text.split("\n");
  assert.equal(records.pop(), "", "a file ends with a line's end");
  return records.map((record) => {
    const fields = [...record.matchAll(/"((?:[^"]|"")*)"(?:, |$)/g)].map(([, field]) => field!);
    assert.equal(fields.length, 12, record.slice(0, 200));
    const escapes: Record<string, string> = { n: "\n", r: "\r", "\\": "\\" };
    return fields.map((field) =>
      field.replaceAll('""', '"').replace(/\\([nr\\])/g, (_, escaped: string) => escapes[escaped]!),
    );
  });
}
