// Every source there is, by the name that configurations and entries use.
import { auditd } from "../sources/auditd/source.ts";
import { dockerEvents } from "../sources/docker-events/source.ts";
import { falco } from "../sources/falco/source.ts";
import { huaweiAudit } from "../sources/huawei-audit/source.ts";
import { jsonLines } from "../sources/json-lines/source.ts";
import { kubernetesAudit } from "../sources/kubernetes-audit/source.ts";
import { mariadbAudit } from "../sources/mariadb-audit/source.ts";
import { mysqlEnterpriseAudit } from "../sources/mysql-enterprise-audit/source.ts";
import { perconaAudit } from "../sources/percona-audit/source.ts";
import { pgaudit } from "../sources/pgaudit/source.ts";
import type { Source } from "../sources/source.ts";
import { sshd } from "../sources/sshd/source.ts";
import { tetragon } from "../sources/tetragon/source.ts";
import { tksAccess } from "../sources/tks-access/source.ts";
import { varmor } from "../sources/varmor/source.ts";
import { vaultAudit } from "../sources/vault-audit/source.ts";

const all: readonly Source[] = [
  auditd,
  dockerEvents,
  falco,
  huaweiAudit,
  jsonLines,
  kubernetesAudit,
  mariadbAudit,
  mysqlEnterpriseAudit,
  perconaAudit,
  pgaudit,
  sshd,
  tetragon,
  tksAccess,
  varmor,
  vaultAudit,
];

export const sources: ReadonlyMap<string, Source> = new Map(all.map((source) => [source.name, source]));
