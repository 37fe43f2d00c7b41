// What keeps and shows the audit log files of database instances: the view that the taurusdb dialect reads. The files'
// content is made from the ledger, byte for byte the same each time; their closing and the policies are system entries,
// so that all of it can be rebuilt (I4).

/** An instance and the account whose log holds its statements. */
export interface InstanceRef {
  readonly account: string;
  readonly instance: string;
}

/** A closed audit log file. */
export interface AuditFile {
  /** 37 characters of [0-9a-z] where we made it; as imported otherwise. */
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  /** Bytes of its content, exactly. */
  readonly bytes: number;
  /** Times of its first and last record, epoch milliseconds, both inclusive. */
  readonly begin: number;
  readonly end: number;
  /** When it was closed or imported: what keep_days counts from. */
  readonly closed: number;
}

export interface AuditPolicy {
  /** 0 to 732; 0 means off: no files are made. */
  readonly keepDays: number;
  /** Only with keepDays 0: whether files there are already stay until their own time. */
  readonly reserve: boolean;
  /** Statement types that go into files; empty means all. */
  readonly types: readonly string[];
  /** The switch of full SQL, a feature of its own with its own list. */
  readonly fullSql: boolean;
}

export const defaultPolicy: AuditPolicy = { keepDays: 7, reserve: true, types: [], fullSql: false };

export interface FileQuery {
  /** Files whose [begin, end] overlaps [from, to], epoch milliseconds, inclusive. */
  readonly from: number;
  readonly to: number;
  /** By begin, then id; "desc" is the exact reverse. "asc" where absent. */
  readonly order?: "asc" | "desc";
  readonly offset: number;
  readonly limit: number;
}

export interface AuditFiles {
  /** In the order asked for; retired files are not in it. `total` counts all that match. */
  list(
    instance: InstanceRef,
    query: FileQuery,
  ): Promise<{ readonly files: readonly AuditFile[]; readonly total: number }>;
  /** A file that is not retired, or undefined. */
  file(instance: InstanceRef, id: string): Promise<AuditFile | undefined>;
  /** Exactly `file.bytes` bytes, the same each time. */
  content(instance: InstanceRef, file: AuditFile): AsyncIterable<Uint8Array>;
  policy(instance: InstanceRef): Promise<AuditPolicy>;
  /** Resolves when the policy is fsynced (I1); it applies from the next statement on. */
  setPolicy(instance: InstanceRef, policy: AuditPolicy): Promise<void>;
}
