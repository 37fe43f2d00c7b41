// The list of full SQL's files: the audit log files of a window in the order of their names, from a name on. Names are the
// cursor of its clients, so the order must be the names' own whatever else is closed or retired between two pages.
import type { AuditFile, AuditFiles, InstanceRef } from "../../audit-files/port.ts";
import type { FullSqlList } from "./decode.ts";

/** Files read at once: more than a window of thirty days has, so that nothing moves between two slices. */
const slice = 100_000;

export async function fullSqlFiles(
  files: Pick<AuditFiles, "list" | "policy">,
  instance: InstanceRef,
  { from, to, limit, after }: FullSqlList,
): Promise<readonly AuditFile[]> {
  const { fullSql } = await files.policy(instance);
  if (!fullSql) return [];
  // By id: what is closed meanwhile could shift a file into two slices.
  const found = new Map<string, AuditFile>();
  for (let offset = 0, total = 1; offset < total; ) {
    const page = await files.list(instance, { from, to, offset, limit: slice });
    for (const file of page.files) if (after === undefined || file.name > after) found.set(file.id, file);
    if (page.files.length === 0) break;
    offset += page.files.length;
    total = page.total;
  }
  const ordered = [...found.values()].sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  // Imported files may share a name; a page that ended between two of them would lose the second.
  let end = Math.min(limit, ordered.length);
  while (end > 0 && end < ordered.length && ordered[end]!.name === ordered[end - 1]!.name) end++;
  return ordered.slice(0, end);
}

/** By UTF-16 code units, never by locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
