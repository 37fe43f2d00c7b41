// The audit files and the audit policy of a database instance, /api/v1/instances/{id}/…: what the taurusdb dialect shows by its
// links, for who has a session or a key. Another account's instance is as one that does not exist (I7). A file's content is sent
// as it is made, and ends its connection where it would not be whole (I5).
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis, readTime } from "../event/time.ts";
import type { Directory } from "../identity/directory.ts";
import { parametersOf, queryReader } from "./filter-query.ts";
import { jsonBodyBytes, readJson, requireJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Call, Route } from "./route.ts";

interface InstanceRef {
  readonly account: string;
  readonly instance: string;
}

/** A closed file; times are epoch milliseconds. */
export interface ClosedFile {
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  readonly bytes: number;
  readonly begin: number;
  readonly end: number;
  readonly closed: number;
}

export interface Policy {
  readonly keepDays: number;
  readonly reserve: boolean;
  readonly types: readonly string[];
  readonly fullSql: boolean;
}

/** What the routes need of database audit; a policy is on disk when its change resolves. */
export interface DatabaseAuditFiles {
  /** What a policy can choose from. */
  readonly statementTypes: readonly string[];
  list(
    instance: InstanceRef,
    query: { from: number; to: number; order: "asc" | "desc"; offset: number; limit: number },
  ): Promise<{ readonly files: readonly ClosedFile[]; readonly total: number }>;
  file(instance: InstanceRef, id: string): Promise<ClosedFile | undefined>;
  /** Exactly `file.bytes` bytes, or it fails. */
  content(instance: InstanceRef, file: ClosedFile): AsyncIterable<Uint8Array>;
  policy(instance: InstanceRef): Promise<Policy>;
  /** @throws TaishiError invalid-parameter (keepDays, types) */
  setPolicy(instance: InstanceRef, policy: Policy): Promise<void>;
}

export interface DatabaseRoutesOptions {
  readonly files: DatabaseAuditFiles;
  readonly directory: Pick<Directory, "instance">;
}

const time = Type.String({ format: "date-time" });
const AuditFileSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    bytes: Type.Integer({ minimum: 0, description: "Of its content, exactly." }),
    begin: time,
    end: time,
    closed: Type.String({
      format: "date-time",
      description: "When it was closed or imported: keepDays counts from here.",
    }),
  },
  { $id: "AuditFile", description: "A closed audit file; begin and end are the times of its first and last record." },
);
const policyMembers = {
  keepDays: Type.Integer({
    minimum: 0,
    maximum: 732,
    description: "Days that a closed file is shown; 0: no files are made.",
  }),
  reserve: Type.Boolean({ description: "With keepDays 0: whether files already there stay until their own time." }),
  types: Type.Array(Type.String({ maxLength: 64 }), {
    maxItems: 64,
    description: "Types of the statements that go into files; none: all statements.",
  }),
  fullSql: Type.Boolean({ description: "The clouds' switch of full SQL." }),
};
const PolicySchema = Type.Object(
  { ...policyMembers, statementTypes: Type.Array(Type.String(), { description: "What types can be chosen from." }) },
  { $id: "AuditPolicy" },
);
const PolicyChange = Type.Object(policyMembers, { $id: "AuditPolicyChange", additionalProperties: false });

const listShapes = {
  from: Type.String({
    minLength: 1,
    maxLength: 40,
    description: "Files with records at or after it. RFC 3339, or epoch milliseconds.",
  }),
  to: Type.String({ minLength: 1, maxLength: 40, description: "Files with records before it." }),
  order: Type.Union([Type.Literal("asc"), Type.Literal("desc")], { default: "desc", description: "By begin." }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
};
const readList = queryReader(listShapes);

const instanceId = {
  name: "id",
  in: "path",
  required: true,
  schema: Type.String(),
  description: "The instance.",
} as const;
const fileId = {
  name: "file",
  in: "path",
  required: true,
  schema: Type.String(),
  description: "The file's id.",
} as const;

export function databaseRoutes({ files, directory }: DatabaseRoutesOptions): readonly Route[] {
  const policyChange = Compile(PolicyChange);

  /** The instance that the path names, if it is the caller's; told to the audit. */
  const own = ({ caller, path, tell }: Call): InstanceRef => {
    const id = path.id ?? "";
    if (directory.instance(id)?.account !== caller.account) throw unknown("instance", "id", id);
    tell({ resources: [{ type: "instance", id }] });
    return { account: caller.account, instance: id };
  };
  const shownPolicy = async (instance: InstanceRef): Promise<string> => {
    const { keepDays, reserve, types, fullSql } = await files.policy(instance);
    return JSON.stringify({ keepDays, reserve, types, fullSql, statementTypes: files.statementTypes });
  };

  return [
    {
      method: "GET",
      path: "/api/v1/instances/{id}/audit-files",
      act: "read",
      bodyLimit: 0,
      operationId: "listAuditFiles",
      audited: { name: "ListAuditFiles", readOnly: true },
      summary: "List an instance's closed audit files",
      description: "Those past their keepDays, or with statements past the account's retention, are not in it.",
      parameters: [instanceId, ...parametersOf(listShapes)],
      answer: Type.Object(
        { files: Type.Array(AuditFileSchema), total: Type.Integer({ minimum: 0, description: "All that match." }) },
        { $id: "AuditFileList" },
      ),
      errors: [404],
      handle: async (call) => {
        const values = readList(call.query);
        const limit = (values.get("limit") as number | undefined) ?? 100;
        const page = (values.get("page") as number | undefined) ?? 1;
        const listed = await files.list(own(call), {
          from: bound(values.get("from"), "from") ?? Number.MIN_SAFE_INTEGER,
          to: (bound(values.get("to"), "to") ?? Number.MAX_SAFE_INTEGER) - 1,
          order: (values.get("order") as "asc" | "desc" | undefined) ?? "desc",
          offset: (page - 1) * limit,
          limit,
        });
        return JSON.stringify({ files: listed.files.map(shownFile), total: listed.total });
      },
    },
    {
      method: "GET",
      path: "/api/v1/instances/{id}/audit-files/{file}/content",
      act: "read",
      bodyLimit: 0,
      operationId: "downloadAuditFile",
      audited: { name: "DownloadAuditFile", readOnly: true },
      summary: "Download an audit file",
      description:
        "Made of the log each time, byte for byte the same. One that cannot be completed ends its connection.",
      parameters: [instanceId, fileId],
      answer: Type.String(),
      media: "text/plain",
      errors: [404],
      handle: async (call) => {
        refuseParameters(call.query);
        const instance = own(call);
        const id = call.path.file ?? "";
        const file = await files.file(instance, id);
        if (file === undefined) throw unknown("audit file", "file", id);
        call.tell({ parameters: { file: file.id } });
        return { headers: headersOf(file), stream: files.content(instance, file) };
      },
    },
    {
      method: "GET",
      path: "/api/v1/instances/{id}/audit-policy",
      act: "read",
      bodyLimit: 0,
      operationId: "getAuditPolicy",
      audited: { name: "GetAuditPolicy", readOnly: true },
      summary: "Say which statements of an instance go into files, and how long those are shown",
      parameters: [instanceId],
      answer: PolicySchema,
      errors: [404],
      handle: async (call) => {
        refuseParameters(call.query);
        return shownPolicy(own(call));
      },
    },
    {
      method: "PUT",
      path: "/api/v1/instances/{id}/audit-policy",
      act: "administer",
      bodyLimit: jsonBodyBytes,
      precheck: requireJson,
      operationId: "setAuditPolicy",
      audited: { name: "SetAuditPolicy", readOnly: false },
      summary: "Set an instance's audit policy",
      description: "The whole of it; it applies from the next statement on.",
      parameters: [instanceId],
      requestBody: { "application/json": PolicyChange },
      answer: PolicySchema,
      errors: [404, 413, 415],
      handle: async (call) => {
        refuseParameters(call.query);
        const policy = await readJson(call, policyChange);
        call.tell({ parameters: { ...policy } });
        const instance = own(call);
        await files.setPolicy(instance, policy);
        return shownPolicy(instance);
      },
    },
  ];
}

function bound(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  const text = String(value);
  return readTime(/^-?\d+$/.test(text) ? Number(text) : text, name);
}

function unknown(what: string, field: string, id: string): TaishiError {
  const subject = id.slice(0, 64).toWellFormed();
  return new TaishiError("not-found", `there is no ${what} ${subject}`, { field, subject });
}

/** It is saved, never shown by a browser; names of imported files are anybody's: only what cannot end the header goes in. */
function headersOf({ name, bytes }: ClosedFile): Readonly<Record<string, string>> {
  return {
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(bytes),
    "content-disposition": `attachment; filename="${name.replace(/[^0-9A-Za-z._-]/g, "_").slice(0, 200)}"`,
    "content-security-policy": "sandbox",
  };
}

function shownFile({ id, name, bytes, begin, end, closed }: ClosedFile): object {
  return { id, name, bytes, begin: formatMillis(begin), end: formatMillis(end), closed: formatMillis(closed) };
}
