// The eleven operations: TaurusDB's audit logs and full SQL, and RDS for MySQL's audit logs under that service's own
// spellings, over the same files. Each authorises, decodes, asks, encodes. Holds no state but policy changes under way.
import type { AuditFiles, InstanceRef } from "../../audit-files/port.ts";
import type { Clock } from "../../clock.ts";
import type { Operation, ProjectCall } from "../../clouds/huawei/operation.ts";
import type { Directory } from "../../identity/directory.ts";
import { acts, authorise, type OperationName } from "./auth.ts";
import {
  decodeFullSqlList,
  decodeIds,
  decodeList,
  decodePolicy,
  decodeSwitch,
  rdsLimits,
  taurusLimits,
} from "./decode.ts";
import { encodeFullSqlFiles, encodePolicy, encodeRdsList, encodeTaurusList, type LinkedFile } from "./encode.ts";
import { invalid, unknownFile } from "./errors.ts";
import { fullSqlFiles } from "./full-sql.ts";
import type { Links } from "./links.ts";
import { PolicyChanges } from "./policy-changes.ts";

export interface TaurusOptions {
  readonly files: AuditFiles;
  readonly directory: Pick<Directory, "instance">;
  readonly links: Links;
  readonly clock: Clock;
  /** How clients reach the service, without a slash at the end; absent: as the request's Host says. */
  readonly publicUrl?: string | undefined;
  /** Whether we speak TLS ourselves: the scheme of links where there is no publicUrl. */
  readonly tls: boolean;
}

/** Fifty ids, or every statement type, are far below it. */
const maxBodyBytes = 64 * 1024;
const done = "COMPLETED";

export function taurusdbOperations(options: TaurusOptions): readonly Operation[] {
  const { files, directory, links, clock } = options;
  const policies = new PolicyChanges(files);

  const operation = (
    service: "gaussdb" | "rds",
    name: OperationName,
    method: "GET" | "POST" | "PUT",
    path: string,
    answer: (call: ProjectCall, instance: InstanceRef) => Promise<unknown>,
  ): Operation => ({
    service,
    name,
    methods: [method],
    path: `/v3/{project_id}${path}`,
    auth: "project",
    readOnly: acts[name] === "read",
    maxBodyBytes,
    handle: async (call) => ({ body: await answer(call, authorise(directory, call, name)) }),
  });

  /** All or none: an answer of fewer links than ids would pass for another file's (I5). */
  const downloadLinks = async (call: ProjectCall, instance: InstanceRef): Promise<unknown> => {
    const ids = decodeIds(call.json());
    const origin = originOf(call, options);
    const found = await Promise.all(ids.map((id) => files.file(instance, id)));
    const gone = found.indexOf(undefined);
    if (gone >= 0) throw unknownFile(ids[gone]!);
    const now = clock.now();
    return { links: ids.map((file) => links.make(origin, { ...instance, file, kind: "sql-audit" }, now).url) };
  };

  const setPolicy = (reserveName: string, outcomeName: string) => async (call: ProjectCall, instance: InstanceRef) => {
    await policies.change(instance, decodePolicy(call.json(), reserveName));
    return { [outcomeName]: done };
  };

  const showPolicy = async (_: ProjectCall, instance: InstanceRef): Promise<unknown> =>
    encodePolicy(await files.policy(instance));

  const listFullSql = async (call: ProjectCall, instance: InstanceRef): Promise<unknown> => {
    const asked = decodeFullSqlList(call.query);
    const origin = originOf(call, options);
    const listed = await fullSqlFiles(files, instance, asked);
    const now = clock.now();
    return encodeFullSqlFiles(
      listed.map((file): LinkedFile => {
        return { file, ...links.make(origin, { ...instance, file: file.id, kind: "full-sql" }, now) };
      }),
    );
  };

  const taurus = "/instances/{instance_id}/audit-log";
  const fullSql = "/instance/{instance_id}";
  const rds = "/instances/{instance_id}/auditlog";
  return [
    operation("gaussdb", "ListAuditLogs", "GET", `${taurus}s`, async (call, instance) =>
      encodeTaurusList(await files.list(instance, decodeList(call.query, taurusLimits))),
    ),
    operation("gaussdb", "SetAuditLogPolicy", "PUT", `${taurus}-policy`, setPolicy("reserve_audit_logs", "result")),
    operation("gaussdb", "ShowAuditLogPolicy", "GET", `${taurus}-policy`, showPolicy),
    operation("gaussdb", "ShowAuditLogDownloadLink", "POST", `${taurus}-link`, downloadLinks),

    operation("gaussdb", "ShowAuditLog", "GET", `${fullSql}/audit-log/switch-status`, async (_, instance) => ({
      switch_status: (await files.policy(instance)).fullSql ? "ON" : "OFF",
    })),
    operation("gaussdb", "UpdateAuditLog", "POST", `${fullSql}/audit-log/switch`, async (call, instance) => {
      await policies.change(instance, { fullSql: decodeSwitch(call.json()) });
      return { result: done };
    }),
    operation("gaussdb", "ListAuditLogDownloadLink", "GET", `${fullSql}/auditlog/download-link`, listFullSql),

    operation("rds", "ListAuditlogs", "GET", rds, async (call, instance) =>
      encodeRdsList(await files.list(instance, decodeList(call.query, rdsLimits))),
    ),
    operation("rds", "SetAuditlogPolicy", "PUT", `${rds}-policy`, setPolicy("reserve_auditlogs", "status")),
    operation("rds", "ShowAuditlogPolicy", "GET", `${rds}-policy`, showPolicy),
    operation("rds", "ShowAuditlogDownloadLink", "POST", `${rds}-links`, downloadLinks),
  ];
}

const host = /^(?:[0-9A-Za-z._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Where links lead. A Host that could change the meaning of a URL is refused. */
function originOf(call: Pick<ProjectCall, "header">, { publicUrl, tls }: TaurusOptions): string {
  if (publicUrl !== undefined) return publicUrl;
  const asked = call.header("host") ?? "";
  if (!host.test(asked)) throw invalid("Host", "must be a host and a port", "必须是主机名和端口");
  return `${tls ? "https" : "http"}://${asked}`;
}
