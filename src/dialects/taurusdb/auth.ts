// Who may call what, and for which instance: the act each operation needs of the caller's role, and the instance of the path.
// That the path's project is the caller's was seen to by the gateway. What belongs to another project or account is as what
// does not exist (I7).
import type { InstanceRef } from "../../audit-files/port.ts";
import { malformedInstanceId, unknownInstance } from "../../clouds/huawei/errors.ts";
import type { ProjectCall } from "../../clouds/huawei/operation.ts";
import { type Act, may } from "../../identity/caller.ts";
import type { Directory } from "../../identity/directory.ts";
import { notAuthorised } from "./errors.ts";

/** By the name of the operation; RDS spells its own differently. */
export const acts = {
  ListAuditLogs: "read",
  SetAuditLogPolicy: "administer",
  ShowAuditLogPolicy: "read",
  ShowAuditLogDownloadLink: "read",
  ShowAuditLog: "read",
  UpdateAuditLog: "administer",
  ListAuditLogDownloadLink: "read",
  ListAuditlogs: "read",
  SetAuditlogPolicy: "administer",
  ShowAuditlogPolicy: "read",
  ShowAuditlogDownloadLink: "read",
} as const satisfies Record<string, Act>;

export type OperationName = keyof typeof acts;

/** 32 characters and a suffix for the kind of database: the published examples disagree about it, so each is taken. */
const instanceId = /^[0-9a-zA-Z]{32}in\d{2}$/;

/**
 * The instance of the path, once it is sure that the caller may do this with it.
 * @throws TaishiError as DBS.200010 (the role), DBS.280404 (the id's format), DBS.200002 (no such instance in the project)
 */
export function authorise(
  directory: Pick<Directory, "instance">,
  { caller, project, params }: Pick<ProjectCall, "caller" | "project" | "params">,
  operation: OperationName,
): InstanceRef {
  if (!may(caller, acts[operation])) throw notAuthorised();
  const id = params.instance_id ?? "";
  if (!instanceId.test(id)) throw malformedInstanceId();
  const instance = directory.instance(id);
  if (instance?.project !== project.id || instance.account !== caller.account) throw unknownInstance();
  return { account: caller.account, instance: id };
}
