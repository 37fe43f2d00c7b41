// From audit files and policies to the bodies of TaurusDB's and RDS's answers. Pure. Exactly the published members, in their
// published order; every string is one, never null, and no array is ever absent, because clients iterate over them.
import type { AuditFile, AuditPolicy } from "../../audit-files/port.ts";
import { allAuditLogAction } from "../../audit-files/statement-types.ts";
import { formatInstant } from "./times.ts";

export interface AuditLogDetail {
  readonly id: string;
  readonly name: string;
  /** KB. */
  readonly size: number;
  /** As "2019-11-06T09:03:34+0800". */
  readonly begin_time: string;
  readonly end_time: string;
}

/** One page of files, and how many there are in all. */
interface Listed {
  readonly files: readonly AuditFile[];
  readonly total: number;
}

/** Sizes are whole KB, cut: the documented type is an integer, and Go's SDK fails on the fraction in the published example. */
export function encodeTaurusList({ files, total }: Listed) {
  return { audit_logs: files.map((file) => detail(file, wholeKilobytes(file.bytes))), total_count: total };
}

/** Sizes have six decimals, as in the published example; RDS's models take them. */
export function encodeRdsList({ files, total }: Listed) {
  return { auditlogs: files.map((file) => detail(file, fractionalKilobytes(file.bytes))), total_record: total };
}

function detail({ id, name, begin, end }: AuditFile, size: number): AuditLogDetail {
  return { id, name, size, begin_time: formatInstant(begin), end_time: formatInstant(end) };
}

export function wholeKilobytes(bytes: number): number {
  return Math.floor(bytes / 1024);
}

export function fractionalKilobytes(bytes: number): number {
  return Number((bytes / 1024).toFixed(6));
}

export function encodePolicy({ keepDays, types }: AuditPolicy) {
  return { keep_days: keepDays, audit_types: types, all_audit_log_action: allAuditLogAction };
}

export interface LinkedFile {
  readonly file: AuditFile;
  readonly url: string;
  /** Epoch milliseconds. */
  readonly expires: number;
}

export function encodeFullSqlFiles(files: readonly LinkedFile[]) {
  return {
    files: files.map(({ file, url, expires }) => ({
      name: file.name,
      full_name: file.name,
      size: wholeKilobytes(file.bytes),
      updated_time: formatInstant(file.closed),
      download_link: url,
      link_expired_time: formatInstant(expires),
    })),
  };
}
